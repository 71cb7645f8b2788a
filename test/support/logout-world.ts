/** A world whose users are signed out by their provider, in every way there is. */
import { randomUUID } from "node:crypto";

import express, { type Express, type RequestHandler } from "express";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitEvents,
  type LoginKitOptions,
  loginOf,
} from "../../lib/index.js";
import type { Page } from "./form-submission.js";
import { listening } from "../../lib/testing/listening.js";
import {
  type LogoutTokenOptions,
  type LyingProvider,
  type LyingProviderClient,
  type Misbehaviour,
  startLyingProvider,
} from "./lying-provider.js";
import { clientAt, lyingKitOptions } from "./lying-world.js";
import { redisCommand } from "./redis-process.js";
import { createTestBrowser, type TestBrowser } from "./test-browser.js";
import { sharedRedis } from "./world.js";

/** The application, its provider and a browser. */
export interface LogoutWorld {
  readonly app: AppProcess;
  readonly provider: LyingProvider;
  readonly browser: TestBrowser;
  readonly signIn: (user?: string, browser?: TestBrowser) => Promise<Page>;
  readonly isSignedIn: (browser?: TestBrowser) => Promise<boolean>;
  /** A browser that the provider knows as it knows this one, and the application does not. */
  readonly withProviderSessionOf: (browser: TestBrowser) => TestBrowser;
  /** Posts a logout token with these claims as the provider does. */
  readonly postLogout: (options: LogoutTokenOptions) => Promise<Response>;
  /** Posts this very token. */
  readonly postToken: (token: string) => Promise<Response>;
  /** Presses the button that signs out, and goes where it leads. */
  readonly pressLogout: (browser?: TestBrowser) => Promise<Page>;
  /** Everything that the application has in Redis, without its prefix. */
  readonly keys: () => Promise<string[]>;
  /** The same application again, as a second process would run it. */
  readonly startAnother: () => Promise<AppProcess>;
  readonly close: () => Promise<void>;
}

/** One instance of the application. */
export interface AppProcess {
  readonly url: string;
  readonly kit: LoginKit;
  /** Every `login.ended` so far. */
  readonly ended: readonly LoginKitEvents["login.ended"][0][];
}

/** How a world differs from the usual one. */
export interface LogoutWorldOptions {
  /** "shared": the run's own. Absent: the embedded store. */
  readonly redis?: "shared" | { readonly url: string };
  readonly kit?: Partial<LoginKitOptions>;
  /** Mounted before everything of the kit. */
  readonly before?: RequestHandler;
  /** More routes, behind those of the kit. */
  readonly routes?: (app: Express, kit: LoginKit) => void;
  /** Registered beside what is always registered. */
  readonly client?: (appUrl: string) => Partial<LyingProviderClient>;
  readonly misbehave?: Misbehaviour;
  /** Milliseconds. */
  readonly frontchannelPageMilliseconds?: number;
  readonly signedInAs?: string;
}

/** Builds a world; close it in the end. */
export async function logoutWorld(
  options: LogoutWorldOptions = {},
): Promise<LogoutWorld> {
  const server = await listening();
  const { url } = server;
  const provider = await startLyingProvider({
    clients: [
      {
        ...clientAt([url]),
        backchannelLogoutUri: `${url}/backchannel-logout`,
        ...options.client?.(url),
      },
    ],
    ...(options.misbehave && { misbehave: options.misbehave }),
    ...(options.frontchannelPageMilliseconds !== undefined && {
      frontchannelPageMilliseconds: options.frontchannelPageMilliseconds,
    }),
  });
  const redisUrl =
    options.redis === "shared"
      ? process.env["TEST_REDIS_URL"]
      : options.redis?.url;
  const redis =
    redisUrl === undefined ? undefined : await sharedRedis(redisUrl);
  const redisKeyPrefix = `${randomUUID()}:`;
  const ends: (() => Promise<void>)[] = [provider.close];

  const start = (at: typeof server): AppProcess => {
    const usual = lyingKitOptions(provider, url);
    const kit = createLoginKit({
      ...usual,
      ...(redis && { redis, redisKeyPrefix }),
      ...options.kit,
      session: { ...usual.session, ...options.kit?.session },
    });
    at.serve(createApp(kit, options));
    const ended: LoginKitEvents["login.ended"][0][] = [];
    kit.events.on("login.ended", (event) => ended.push(event));
    ends.push(async () => {
      await kit.close();
      return at.close();
    });
    return { url: at.url, kit, ended };
  };
  const app = start(server);
  const browser = createTestBrowser();

  const signIn: LogoutWorld["signIn"] = (user = "alice", where = browser) => {
    const login = new URL("/login", url);
    login.searchParams.set("login_hint", user);
    // Not to a page that would sign in again.
    login.searchParams.set("return_to", "/");
    return where.navigate(login);
  };
  const postToken: LogoutWorld["postToken"] = (token) =>
    provider.postLogoutToken(
      url + (options.kit?.paths?.backchannelLogout ?? "/backchannel-logout"),
      token,
    );
  if (options.signedInAs !== undefined) await signIn(options.signedInAs);
  return {
    app,
    provider,
    browser,
    signIn,
    async isSignedIn(where = browser) {
      const { status } = await where.fetchJson(`${url}/me`);
      if (status === 200) return true;
      if (status === 401) return false;
      throw new Error(`/me answered ${status}`);
    },
    withProviderSessionOf(known) {
      const other = createTestBrowser();
      for (const cookie of known.jar.getCookiesSync(url)) {
        if (cookie.key.startsWith("op_")) other.jar.setCookieSync(cookie, url);
      }
      return other;
    },
    postToken,
    postLogout: (claims) => postToken(provider.logoutToken(claims)),
    pressLogout: (where = browser) =>
      where.navigate(`${url}/logout`, {
        method: "POST",
        initiator: `${url}/me`,
      }),
    async keys() {
      if (redisUrl === undefined) throw new Error("this world has no Redis");
      const found = await redisCommand(redisUrl, [
        "KEYS",
        `${redisKeyPrefix}*`,
      ]);
      return (found as string[])
        .map((key) => key.slice(redisKeyPrefix.length))
        .map((key) => key.replace(/^[\w-]{10}:/, ""))
        .sort();
    },
    async startAnother() {
      return start(await listening());
    },
    async close() {
      await Promise.all(ends.map((end) => end()));
    },
  };
}

function createApp(
  kit: LoginKit,
  { before, routes }: LogoutWorldOptions,
): Express {
  const app = express();
  // Errors that the kit does not answer would be printed otherwise.
  app.set("env", "test");
  if (before) app.use(before);
  app.use(kit.routes);
  app.get("/", (_req, res) => {
    res.send("home");
  });
  app.get("/me", kit.requireAuth(), (req, res) => {
    const { id, claims } = loginOf(req);
    res.json({ id, sub: claims.sub });
  });
  routes?.(app, kit);
  app.use(kit.errorHandler);
  return app;
}
