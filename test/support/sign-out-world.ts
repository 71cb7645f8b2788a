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
import {
  listening,
  type ListeningServer,
} from "../../lib/testing/listening.js";
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

/** Who signs in; default: somebody new. */
export interface Who {
  readonly user?: string;
  readonly browser?: TestBrowser;
}

/** The applications share Redis, secret and provider, as processes of one do. */
export interface SignOutWorld {
  readonly provider: LyingProvider;
  readonly apps: readonly SignOutApp[];
  /** The kit of the application that no fault reaches. */
  readonly soundKit: LoginKit;
  /** Signs in at the application that no fault reaches, and that has time. */
  readonly signIn: (who?: Who) => Promise<SignedIn>;
  /** The address with which the provider sends a browser back that signs in. */
  readonly wayBack: (
    app: SignOutApp,
    user: string,
    browser: TestBrowser,
  ) => Promise<URL>;
  /** Does something at the provider before it answers the token request with this code. */
  readonly beforeTokens: (code: string, act: () => Promise<unknown>) => void;
  /** All tokens that were issued to the user. */
  readonly tokensOf: (user: string) => readonly string[];
  /** How often `login.succeeded` was told of the user. */
  readonly successesOf: (user: string) => number;
  /** Who is signed in, as an application says that no fault reaches. */
  readonly whoIs: (browser: TestBrowser) => Promise<string | undefined>;
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
  const beforeTokens = new Map<string, () => Promise<unknown>>();
  const provider = await startLyingProvider({
    clients: [clientAt(servers.map(({ url }) => url))],
    watch(req, _res, next) {
      const { code } = (req.body ?? {}) as { code?: string };
      const act = beforeTokens.get(code ?? "");
      if (act === undefined) next();
      else
        act().then(() => {
          next();
        }, next);
    },
  });
  const issued = new Map<string, string[]>();
  provider.misbehave = {
    tokenResponse(right) {
      const { id_token, access_token, refresh_token } = right as Record<
        string,
        string
      >;
      const user = String(decodeJwt(id_token ?? "").sub);
      issued.set(user, [
        ...(issued.get(user) ?? []),
        access_token ?? "",
        refresh_token ?? "",
      ]);
      return right;
    },
  };
  const redisKeyPrefix = `${randomUUID()}:`;
  const ended: LoginKitEvents["login.ended"][0][] = [];
  const succeeded: string[] = [];
  const ends: (() => void | Promise<void>)[] = [provider.close];

  const start = (
    server: ListeningServer,
    client: RedisClient,
    storeTimeoutSeconds: number,
  ): LoginKit => {
    const kit = createLoginKit({
      ...lyingKitOptions(provider, server.url),
      redis: client,
      redisKeyPrefix,
      storeTimeoutSeconds,
    });
    kit.events.on("login.ended", (event) => ended.push(event));
    kit.events.on("login.succeeded", ({ subject }) => succeeded.push(subject));
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
    const kit = start(server, await connected(proxy.url), 1);
    return { url: server.url, kit, proxy };
  };
  const [sound, ...others] = servers;
  if (sound === undefined) throw new Error("there is no server");
  const soundKit = start(sound, await connected(redis.url), 30);
  const apps = await Promise.all(others.map(startBehindProxy));

  const whoIs: SignOutWorld["whoIs"] = async (browser) => {
    const answer = await browser.fetchJson(`${sound.url}/me`);
    if (answer.status === 401) return undefined;
    if (answer.status !== 200) throw new Error(`/me answered ${answer.status}`);
    return ((await answer.json()) as { sub: string }).sub;
  };
  return {
    provider,
    apps,
    soundKit,
    async wayBack(app, user, browser) {
      const login = new URL("/login", app.url);
      login.searchParams.set("login_hint", user);
      login.searchParams.set("return_to", "/me");
      const page = await browser.navigate(login, {
        stopBefore: ({ pathname }) => pathname === "/callback",
      });
      return new URL(page.response.headers.get("location") ?? "");
    },
    beforeTokens: (code, act) => beforeTokens.set(code, act),
    tokensOf: (user) => issued.get(user) ?? [],
    successesOf: (user) => succeeded.filter((one) => one === user).length,
    whoIs,
    async signIn({ user = randomUUID(), browser = createTestBrowser() } = {}) {
      await signInAt(sound.url, user, browser);
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
    isSignedIn: async (browser) => (await whoIs(browser)) !== undefined,
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
