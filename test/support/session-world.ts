/** A world for what is in cookies and in Redis: sessions with a note in them, and the application deployed once more. */
import { randomUUID } from "node:crypto";

import express, { type Express } from "express";
import { createClient } from "redis";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitOptions,
  loginOf,
} from "../../lib/index.js";
import { keyPrefixOf } from "../../lib/stores/key-prefix.js";
import { listening } from "../../lib/testing/listening.js";
import { lyingKitOptions, type LyingWorld, lyingWorld } from "./lying-world.js";
import type { TestBrowser } from "./test-browser.js";
import { CLIENT_ID, sharedRedis } from "./world.js";

/** The application, its provider and its Redis. */
export interface SessionWorld extends LyingWorld {
  /** For looking at, and changing, what is stored. */
  readonly redis: ReturnType<typeof redisClient>;
  /** Of every key of this application. */
  readonly prefix: string;
  /** A browser that is signed in, with the user's name as the note of its session. */
  readonly signedIn: (user: string) => Promise<TestBrowser>;
  /** `name=value` of a browser's session cookie. */
  readonly sessionCookie: (browser: TestBrowser) => Promise<string>;
  /** Status and content of a fetch by a page of the application. */
  readonly ask: (
    path: string,
    browser: TestBrowser,
    init?: AskOptions,
  ) => Promise<readonly [status: number, content: unknown]>;
  /** The origin of the same application, started with another secret. */
  readonly deployedWith: (secret: string | string[]) => Promise<string>;
}

/** How a fetch differs from the usual one. */
export interface AskOptions {
  /** Instead of the browser's own. */
  readonly cookie?: string;
  /** Default: of the application. */
  readonly origin?: string;
  readonly method?: string;
}

/** Builds a world; close it in the end, and call `closeRedis` of world.ts at last. */
export async function sessionWorld(
  options: Partial<LoginKitOptions> = {},
): Promise<SessionWorld> {
  const redisKeyPrefix = `${randomUUID()}:`;
  const redis = redisClient();
  await redis.connect();
  const ends: (() => Promise<void>)[] = [];
  const w = await lyingWorld({
    redis: await sharedRedis(),
    kit: { redisKeyPrefix, ...options },
    routes: noteRoutes,
  });

  const ask: SessionWorld["ask"] = async (
    path,
    browser,
    { cookie, origin = w.url, method = "GET" } = {},
  ) => {
    const answer = await browser.fetchJson(origin + path, {
      method,
      ...(cookie !== undefined && { headers: { cookie } }),
    });
    const text = await answer.text();
    return [
      answer.status,
      /^[[{]/.test(text) ? (JSON.parse(text) as unknown) : text,
    ];
  };

  return {
    ...w,
    redis,
    prefix: keyPrefixOf(redisKeyPrefix, [w.provider.issuer, CLIENT_ID]),
    ask,
    async signedIn(user) {
      const browser = await w.signIn(user);
      await ask(`/note/${user}`, browser);
      return browser;
    },
    async sessionCookie(browser) {
      const cookies = await browser.jar.getCookies(w.url);
      const cookie = cookies.find(({ key }) => key === "session");
      if (!cookie) throw new Error("there is no session cookie");
      return cookie.cookieString();
    },
    async deployedWith(secret) {
      const server = await listening();
      const kit = createLoginKit({
        ...lyingKitOptions(w.provider, w.url),
        redis: await sharedRedis(),
        redisKeyPrefix,
        session: { secret, cookieName: "session" },
      });
      const app = express();
      app.set("env", "test");
      app.use(kit.routes);
      noteRoutes(app, kit);
      app.use(kit.errorHandler);
      server.serve(app);
      ends.push(server.close);
      return server.url;
    },
    async close() {
      redis.destroy();
      await Promise.all([w.close(), ...ends.map((end) => end())]);
    },
  };
}

function redisClient() {
  return createClient({ url: process.env["TEST_REDIS_URL"] ?? "" });
}

function noteRoutes(app: Express, kit: LoginKit): void {
  app.get("/note/:note", kit.session, (req, res) => {
    Object.assign(req.session, { note: req.params["note"] });
    res.json({});
  });
  app.get("/note", kit.session, (req, res) => {
    res.json({ note: noteIn(req.session) });
  });
  app.get("/both", kit.requireAuth(), kit.session, (req, res) => {
    res.json([loginOf(req).claims.sub, noteIn(req.session)]);
  });
  app.get("/claims", kit.requireAuth(), (req, res) => {
    const { claims } = loginOf(req);
    res.json({ claims, isAdmin: claims["isAdmin"] ?? null });
  });
}

function noteIn(session: object): unknown {
  return (session as { note?: unknown }).note ?? null;
}
