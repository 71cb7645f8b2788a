/** Many applications behind a Redis that can fail, one that always reaches it, and their provider. */
import { randomUUID } from "node:crypto";

import express, { type RequestHandler } from "express";
import { decodeJwt } from "jose";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitEvents,
  loginOf,
  type RedisClient,
} from "../../lib/index.js";
import { redisClient } from "../../lib/redis/redis-client.js";
import { listening, type ListeningServer } from "./listening.js";
import { type LyingProvider, startLyingProvider } from "./lying-provider.js";
import { clientAt, lyingKitOptions, signInAt } from "./lying-world.js";
import {
  type RedisFaultProxy,
  startRedisFaultProxy,
} from "./redis-fault-proxy.js";
import type { RedisServer } from "./redis-server.js";
import { createTestBrowser, type TestBrowser } from "./test-browser.js";

/** One process of the application. */
export interface SignOutApp {
  readonly url: string;
  readonly kit: LoginKit;
  /** What is between it and Redis. */
  readonly proxy: RedisFaultProxy;
}

/** A user with a login at one of the applications. */
export interface SignedIn {
  readonly user: string;
  readonly browser: TestBrowser;
  readonly loginId: string;
  readonly sid: string;
  /** Access token and refresh token. */
  readonly tokens: readonly string[];
}

/** The applications share Redis, secret and provider, as processes of one do. */
export interface SignOutWorld {
  readonly provider: LyingProvider;
  readonly apps: readonly SignOutApp[];
  readonly signIn: (app: SignOutApp) => Promise<SignedIn>;
  /** Whether the login lives, as an application says that no fault reaches. */
  readonly isSignedIn: (browser: TestBrowser) => Promise<boolean>;
  /** `login.ended` of this login, told by whichever application. */
  readonly endsOf: (
    login: SignedIn,
  ) => readonly LoginKitEvents["login.ended"][0][];
  /** How often the provider was asked to revoke one of the login's tokens. */
  readonly revocationsOf: (login: SignedIn) => number;
  readonly close: () => Promise<void>;
}

/** How the applications differ from the usual one. */
export interface SignOutWorldOptions {
  readonly redis: RedisServer;
  readonly apps: number;
  /** Whether they mount `kit.session` for all routes, and keep something in it. */
  readonly withSession?: boolean;
}

/** Builds a world; close it in the end. */
export async function signOutWorld({
  redis,
  apps: count,
  withSession = false,
}: SignOutWorldOptions): Promise<SignOutWorld> {
  const servers = await times(count + 1, listening);
  const provider = await startLyingProvider({
    clients: [clientAt(servers.map(({ url }) => url))],
  });
  const issued = new Map<string, string[]>();
  provider.misbehave = {
    tokenResponse(right) {
      const { id_token, access_token, refresh_token } = right as Record<
        string,
        string
      >;
      issued.set(String(decodeJwt(id_token ?? "").sub), [
        access_token ?? "",
        refresh_token ?? "",
      ]);
      return right;
    },
  };
  const redisKeyPrefix = `${randomUUID()}:`;
  const ended: LoginKitEvents["login.ended"][0][] = [];
  const ends: (() => void | Promise<void>)[] = [provider.close];

  const start = (server: ListeningServer, client: RedisClient): LoginKit => {
    const kit = createLoginKit({
      ...lyingKitOptions(provider, server.url),
      redis: client,
      redisKeyPrefix,
      storeTimeoutSeconds: 1,
    });
    kit.events.on("login.ended", (event) => ended.push(event));
    const app = express();
    // Errors that the kit does not answer would be printed otherwise.
    app.set("env", "test");
    if (withSession) app.use(kit.session, keepSomething);
    app.use(kit.routes);
    app.get("/me", kit.requireAuth(), (req, res) => {
      const { id, claims } = loginOf(req);
      res.json({ id, sub: claims.sub });
    });
    app.use(kit.errorHandler);
    server.serve(app);
    ends.push(() => kit.close(), server.close);
    return kit;
  };
  const connected = async (url: string): Promise<RedisClient> => {
    const client = await redisClient({
      url,
      connectSeconds: 20,
      onError: () => undefined,
    });
    ends.push(() => client.close());
    return client;
  };
  const startBehindProxy = async (
    server: ListeningServer,
  ): Promise<SignOutApp> => {
    const { port } = redis;
    const proxy = await startRedisFaultProxy({ host: "127.0.0.1", port });
    ends.push(() => proxy.stop());
    const kit = start(server, await connected(proxy.url));
    return { url: server.url, kit, proxy };
  };
  const [sound, ...others] = servers;
  if (sound === undefined) throw new Error("there is no server");
  start(sound, await connected(redis.url));
  const apps = await Promise.all(others.map(startBehindProxy));

  return {
    provider,
    apps,
    async signIn(app) {
      const user = randomUUID();
      const browser = createTestBrowser();
      await signInAt(app.url, user, browser);
      const me = await browser.fetchJson(`${sound.url}/me`);
      const { id } = (await me.json()) as { id: string };
      const tokens = issued.get(user) ?? [];
      return {
        user,
        browser,
        loginId: id,
        sid: provider.sidOf(user),
        tokens,
      };
    },
    async isSignedIn(browser) {
      const { status } = await browser.fetchJson(`${sound.url}/me`);
      if (status !== 200 && status !== 401) {
        throw new Error(`/me answered ${status}`);
      }
      return status === 200;
    },
    endsOf: ({ loginId }) => ended.filter((event) => event.loginId === loginId),
    revocationsOf: ({ tokens }) =>
      provider.revoked.filter((token) => tokens.includes(token)).length,
    async close() {
      for (const end of ends.reverse()) await end();
    },
  };
}

const keepSomething: RequestHandler = (req, _res, next) => {
  Object.assign(req.session, { visited: true });
  next();
};

function times<Value>(
  count: number,
  make: () => Promise<Value>,
): Promise<Value[]> {
  return Promise.all(Array.from({ length: count }, make));
}
