/**
 * A world for one test: an application with the kit, a provider, the orders API
 * and a browser, all real and on loopback.
 */
import type { RequestListener } from "node:http";

import express, { type Express, type RequestHandler } from "express";
import type { ClientMetadata, Configuration } from "oidc-provider";

import type { AccessTokenOptions } from "../../demo-app/access-token.js";
import { createOrdersApi } from "../../demo-app/orders-api.js";
import {
  createLoginKit,
  type LoginKit,
  type LoginKitOptions,
  loginOf,
  type RedisClient,
} from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import { freshProviderMemory } from "./signing-key.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "./test-browser.js";

export { listening };

export const CLIENT_ID = "shop";
// Characters that client_secret_basic has to encode are part of the test.
export const CLIENT_SECRET = "a secret-with_odd.characters:/+%";
export const ORDERS_RESOURCE = "urn:example:orders";
export const SESSION_SECRET = "a session secret of thirty-two characters";
export const SCOPE = "openid profile email offline_access orders:read";

/** An HTTP server of the world. */
export interface Party {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** The provider, with what tests do to it. */
export interface ProviderParty extends Party {
  /** "METHOD /path" of every request so far. */
  readonly requests: string[];
  /** Takes requests over; returns whether it did. Undefined: none. */
  intercept:
    ((...parameters: Parameters<RequestListener>) => boolean) | undefined;
  /** How many requests the token endpoint got. */
  readonly tokenRequests: () => number;
}

/** An application with the kit. */
export interface AppParty extends Party {
  readonly kit: LoginKit;
}

/** What a test lives in. */
export interface World {
  readonly app: AppParty;
  readonly provider: ProviderParty;
  readonly orders: Party;
  readonly browser: TestBrowser;
  /** Signs in as a person would, starting at a page of the application. */
  readonly signIn: (options?: SignIn) => Promise<Page>;
  readonly close: () => Promise<void>;
}

/** A sign-in as a person does it. */
export interface SignIn {
  readonly user?: string;
  /** The page that is opened first. Default `/me`. */
  readonly path?: string;
  readonly browser?: TestBrowser;
  /** Base URL of the application. Default: the world's. */
  readonly appUrl?: string;
  /** Ends before the browser opens a URL for which this is true. */
  readonly stopBefore?: (url: URL) => boolean;
}

/** Whether a browser goes to the redirect URI: `stopBefore` this. */
export const isCallback = (url: URL): boolean => url.pathname === "/callback";

/** The authorization response that a `stopBefore: isCallback` sign-in was given. */
export function answerOf(page: Page): URL {
  const location = page.response.headers.get("location");
  if (location === null) throw new Error("this page redirects nowhere");
  return new URL(location, page.url);
}

/** How a world differs from the usual one. */
export interface WorldOptions {
  readonly kit?: Partial<LoginKitOptions>;
  readonly provider?: Configuration;
  /** How the application with this address is registered, beside what is usual. */
  readonly client?: (appUrl: string) => Partial<ClientMetadata>;
  readonly accessTokenSeconds?: number;
  /** How the orders API differs; it gets its own address. */
  readonly orders?: (url: string) => Partial<AccessTokenOptions>;
  /** The embedded store instead of Redis. */
  readonly embedded?: boolean;
  /** Default: the run's shared Redis. */
  readonly redis?: RedisClient;
  /** Mounted before everything of the kit. */
  readonly before?: RequestHandler;
  /** More routes, mounted after the usual ones. */
  readonly routes?: (app: Express, kit: LoginKit) => void;
  readonly signedInAs?: string;
}

/** Builds a world; close it in the end. */
export async function world(options: WorldOptions = {}): Promise<World> {
  const appServer = await listening();
  const providerParty = await startProvider([appServer.url], options);
  const ordersServer = await listening();
  ordersServer.serve(
    createOrdersApi({
      issuer: providerParty.url,
      audience: ORDERS_RESOURCE,
      ...options.orders?.(ordersServer.url),
    }),
  );
  const redis =
    options.embedded === true
      ? undefined
      : (options.redis ?? (await sharedRedis()));
  const usual = kitOptions({
    appUrl: appServer.url,
    providerUrl: providerParty.url,
    ordersUrl: ordersServer.url,
  });
  const kit = createLoginKit({
    ...usual,
    ...(redis && { redis }),
    ...options.kit,
    session: { ...usual.session, ...options.kit?.session },
  });
  appServer.serve(createApp(kit, ordersServer.url, options));
  const browser = createTestBrowser();

  const signIn = (how: SignIn = {}): Promise<Page> =>
    signInAsPerson({ browser, appUrl: appServer.url, ...how });
  if (options.signedInAs !== undefined) {
    await signIn({ user: options.signedInAs });
  }
  return {
    app: { url: appServer.url, close: appServer.close, kit },
    provider: providerParty,
    orders: ordersServer,
    browser,
    signIn,
    async close() {
      await Promise.all([
        appServer.close(),
        providerParty.close(),
        ordersServer.close(),
      ]);
    },
  };
}

/** The usual options of the kit. */
export function kitOptions(urls: {
  readonly appUrl: string;
  readonly providerUrl: string;
  readonly ordersUrl: string;
}): LoginKitOptions {
  return {
    issuer: urls.providerUrl,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    baseUrl: urls.appUrl,
    // Tests name this cookie; the default name has the port in it.
    session: { secret: SESSION_SECRET, cookieName: "session" },
    scope: SCOPE,
    authorizationParameters: { prompt: "consent" },
    resourceServers: {
      orders: { url: `${urls.ordersUrl}/v1`, resource: ORDERS_RESOURCE },
    },
  };
}

function createApp(
  kit: LoginKit,
  ordersUrl: string,
  { before, routes }: WorldOptions,
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
    res.json(loginOf(req).claims);
  });
  app.get("/page/:name", kit.requireAuth(), (req, res) => {
    res.send(
      `page ${String(req.params["name"])} of ${loginOf(req).claims.sub}`,
    );
  });
  app.post("/change", kit.requireAuth(), (_req, res) => {
    res.json({ changed: true });
  });
  app.use("/api", kit.requireAuth(), kit.forward("orders"));
  app.get("/server-side", kit.requireAuth(), async (req, res) => {
    const answer = await loginOf(req).fetch(`${ordersUrl}/v1/orders`);
    res.status(answer.status).json(await answer.json());
  });
  routes?.(app, kit);
  app.use(kit.errorHandler);
  return app;
}

/** Signs in as a person would: picks a user, agrees to everything. */
export async function signInAsPerson({
  user = "alice",
  path = "/me",
  browser = createTestBrowser(),
  appUrl = "",
  stopBefore,
}: SignIn): Promise<Page> {
  const stop = stopBefore && { stopBefore };
  let page = await browser.navigate(appUrl + path, stop);
  // The provider may know the browser already, and then asks less.
  if (page.body.includes("Who is there?")) {
    page = await browser.submitForm(page, {}, { ...stop, button: user });
  }
  if (page.body.includes('value="allow"')) {
    page = await browser.submitForm(page, {}, { ...stop, button: "allow" });
  }
  return page;
}

/** The provider alone, for applications at these base URLs. */
export async function startProvider(
  baseUrls: string[],
  options: WorldOptions = {},
): Promise<ProviderParty> {
  const server = await listening();
  const { createProvider } = await import("../../demo-app/provider.js");
  const { app } = await createProvider({
    memory: await freshProviderMemory(),
    issuer: server.url,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    baseUrls,
    ordersResource: ORDERS_RESOURCE,
    ...(options.client && { client: options.client(baseUrls[0] ?? "") }),
    ...(options.accessTokenSeconds !== undefined && {
      accessTokenSeconds: options.accessTokenSeconds,
    }),
    overrides: {
      ...options.provider,
      features: {
        // So that tests see in the browser's address what is asked.
        pushedAuthorizationRequests: { enabled: false },
        dPoP: { enabled: false },
        ...options.provider?.features,
      },
    },
  });
  const party: ProviderParty = {
    url: server.url,
    close: server.close,
    requests: [],
    intercept: undefined,
    tokenRequests: () =>
      party.requests.filter((request) => request === "POST /token").length,
  };
  server.serve((req, res) => {
    const path = new URL(req.url ?? "/", server.url).pathname;
    party.requests.push(`${String(req.method)} ${path}`);
    if (party.intercept?.(req, res) !== true) app(req, res);
  });
  return party;
}

const clients: { destroy: () => void }[] = [];

/** A client of the run's Redis; `closeRedis` in `afterAll` ends it. */
export async function sharedRedis(
  url = process.env["TEST_REDIS_URL"],
): Promise<RedisClient> {
  const { createClient } = await import("redis");
  const client = createClient({ ...(url !== undefined && { url }) });
  client.on("error", () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

/** Ends the clients that this test file made. */
export function closeRedis(): void {
  for (const client of clients.splice(0)) client.destroy();
}
