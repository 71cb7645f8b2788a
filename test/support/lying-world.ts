/**
 * A world whose provider asks nobody anything: an application with the kit, the
 * lying provider, and as many signed-in browsers as a test wants.
 */
import type { Server } from "node:http";

import express, { type Express } from "express";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitEvents,
  type LoginKitOptions,
  loginOf,
  type RedisClient,
} from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import {
  type LyingProvider,
  type LyingProviderClient,
  type LyingProviderOptions,
  startLyingProvider,
} from "./lying-provider.js";
import { createTestBrowser, type TestBrowser } from "./test-browser.js";
import { CLIENT_ID, CLIENT_SECRET, SESSION_SECRET } from "./world.js";

/** The application and its provider. */
export interface LyingWorld {
  /** The application's origin. */
  readonly url: string;
  /** The application's server, for its `upgrade` event. */
  readonly server: Server;
  readonly kit: LoginKit;
  readonly provider: LyingProvider;
  /** Every `login.ended` so far. */
  readonly ended: readonly LoginKitEvents["login.ended"][0][];
  /** Signs a user in, in a new browser unless one is given. */
  readonly signIn: (
    user: string,
    browser?: TestBrowser,
  ) => Promise<TestBrowser>;
  /** Status of a request that needs a login. */
  readonly statusFor: (browser: TestBrowser) => Promise<number>;
  /** `loginOf(req).id` of a browser's login. */
  readonly loginId: (browser: TestBrowser) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** How a world differs from the usual one. */
export interface LyingWorldOptions {
  /** Absent: the embedded store. */
  readonly redis?: RedisClient | undefined;
  readonly kit?: Partial<LoginKitOptions>;
  /** More of them, which depend on where the provider is. */
  readonly kitAt?: (issuer: string) => Partial<LoginKitOptions>;
  readonly provider?: Omit<LyingProviderOptions, "clients">;
  /** Registered beside what is always registered. */
  readonly client?: Partial<LyingProviderClient>;
  /** More routes, behind those of the kit. */
  readonly routes?: (app: Express, kit: LoginKit) => void;
}

/** Builds a world; close it in the end. */
export async function lyingWorld({
  redis,
  kit: given,
  kitAt,
  provider: providerOptions,
  client,
  routes,
}: LyingWorldOptions = {}): Promise<LyingWorld> {
  const { url, server, serve, close } = await listening();
  const provider = await startLyingProvider({
    ...providerOptions,
    clients: [{ ...clientAt([url]), ...client }],
  });
  const usual = lyingKitOptions(provider, url);
  const options = { ...given, ...kitAt?.(provider.issuer) };
  const kit = createLoginKit({
    ...usual,
    ...(redis && { redis }),
    ...options,
    session: { ...usual.session, ...options.session },
  });
  const ended: LoginKitEvents["login.ended"][0][] = [];
  kit.events.on("login.ended", (event) => ended.push(event));

  const app = express();
  // Errors that the kit does not answer would be printed otherwise.
  app.set("env", "test");
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
  serve(app);

  return {
    url,
    server,
    kit,
    provider,
    ended,
    signIn: (user, browser = createTestBrowser()) =>
      signInAt(url, user, browser),
    async statusFor(browser) {
      const answer = await browser.fetchJson(`${url}/me`);
      await answer.body?.cancel();
      return answer.status;
    },
    loginId: (browser) => loginIdAt(url, browser),
    async close() {
      await kit.close();
      await Promise.all([close(), provider.close()]);
    },
  };
}

/** The registration of an application that runs at these origins. */
export function clientAt(origins: readonly string[]) {
  return {
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    redirectUris: origins.map((origin) => `${origin}/callback`),
    postLogoutRedirectUris: origins.map((origin) => `${origin}/logged-out`),
  };
}

/** The options of an application at this origin. */
export function lyingKitOptions({ issuer }: LyingProvider, baseUrl: string) {
  return {
    issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    baseUrl,
    session: { secret: SESSION_SECRET, cookieName: "session" },
  };
}

/** What sends the form of a provider's page that answers by `form_post`. */
const FORM_POST = "document.forms[0].submit()";

/** Signs a user in at an application that has the page `/me`. */
export async function signInAt(
  url: string,
  user: string,
  browser = createTestBrowser(),
): Promise<TestBrowser> {
  const login = new URL("/login", url);
  login.searchParams.set("login_hint", user);
  login.searchParams.set("return_to", "/me");
  let page = await browser.navigate(login);
  if (page.body.includes(FORM_POST)) {
    // What the script of the provider's page does.
    page = await browser.submitForm(page, {}, { initiator: page.url });
  }
  if (!page.body.includes(`"sub":"${user}"`)) {
    const way = page.chain.map(({ url, status }) => `${String(status)} ${url}`);
    throw new Error(
      `${user} is not signed in: ${way.join(" -> ")}\n${page.body}`,
    );
  }
  return browser;
}

/** `loginOf(req).id`, as the application's page `/me` tells it. */
export async function loginIdAt(
  url: string,
  browser: TestBrowser,
): Promise<string> {
  const answer = await browser.fetchJson(`${url}/me`);
  return ((await answer.json()) as { id: string }).id;
}
