/** A world with several providers: two of the options and tenants of a database, one application on as many hosts as a test wants. */
import express, { type Express } from "express";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitEvents,
  loginOf,
  type NamedProviderOptions,
  type SeveralProvidersOptions,
  type SharedOptions,
} from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import type { Page } from "./form-submission.js";
import {
  type LyingProvider,
  startLyingProvider,
  type TokenLie,
} from "./lying-provider.js";
import { createTestBrowser, type TestBrowser } from "./test-browser.js";
import { CLIENT_ID, CLIENT_SECRET, SESSION_SECRET } from "./world.js";

/** Every provider calls its session so, and every user of it alice. */
export const SAME = { sid: "the same session", user: "alice" } as const;

/** The application and its providers. */
export interface SeveralWorld {
  /** Where the application is, on each host. */
  readonly urls: readonly string[];
  readonly kit: LoginKit;
  /** By name. */
  readonly providers: Readonly<Record<string, LyingProvider>>;
  /** The names that are found in the database. */
  readonly tenants: Set<string>;
  /** How often the database was asked. */
  readonly lookUps: () => number;
  /** Every `login.ended` so far. */
  readonly ended: readonly LoginKitEvents["login.ended"][0][];
  /** Signs in at this provider. */
  readonly signIn: (
    provider: string,
    browser?: TestBrowser,
    url?: string,
  ) => Promise<TestBrowser>;
  /** Begins to; the answer waits in the address that is given back. */
  readonly begin: (
    provider: string,
    browser: TestBrowser,
    url?: string,
  ) => Promise<URL>;
  /** Where the browser's user has signed in; undefined: nobody has. */
  readonly signedInAt: (
    browser: TestBrowser,
    url?: string,
  ) => Promise<string | undefined>;
  readonly signOut: (browser: TestBrowser, url?: string) => Promise<Page>;
  /** How many token requests there were at all providers. */
  readonly tokenRequests: () => number;
  /** Posts a Logout Token of this provider, about the user and session that all call alike. */
  readonly logoutBy: (provider: string, lie?: TokenLie) => Promise<Response>;
  readonly close: () => Promise<void>;
}

/** How a world differs from the usual one. */
export interface SeveralWorldOptions {
  /** Providers of the options. Default: staff and customers. */
  readonly listed?: readonly string[];
  /** Providers of the database. Default: none, and no database. */
  readonly tenants?: readonly string[];
  /** Default 1. */
  readonly hosts?: 1 | 2;
  readonly kit?: Partial<SharedOptions & SeveralProvidersOptions>;
  readonly provider?: (name: string) => Partial<NamedProviderOptions>;
  readonly findProvider?: SeveralProvidersOptions["findProvider"];
  /** Runs before everything of the kit. */
  readonly before?: (app: Express) => unknown;
  readonly routes?: (app: Express, kit: LoginKit) => void;
}

/** Builds a world; close it in the end. */
export async function severalWorld({
  listed = ["staff", "customers"],
  tenants: names = [],
  hosts = 1,
  kit: options,
  provider: optionsOf = () => ({}),
  findProvider,
  before,
  routes,
}: SeveralWorldOptions = {}): Promise<SeveralWorld> {
  const server = await listening();
  const { port } = new URL(server.url);
  const urls = [server.url, `http://localhost:${port}`].slice(0, hosts);
  const providers: Record<string, LyingProvider> = {};
  for (const name of [...listed, ...names]) {
    providers[name] = await startProvider(name, urls);
  }
  const tenants = new Set(names);
  let lookUps = 0;
  const configured = (name: string): NamedProviderOptions => ({
    issuer: providers[name]?.url ?? "",
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    ...optionsOf(name),
  });
  const kit = createLoginKit({
    baseUrl: urls,
    session: { secret: SESSION_SECRET, cookieName: "session" },
    providers: Object.fromEntries(
      listed.map((name) => [name, configured(name)]),
    ),
    ...(names.length > 0 && {
      findProvider: async (name: string) => {
        lookUps += 1;
        const found = await findProvider?.(name);
        if (found !== undefined) return found;
        return tenants.has(name) ? configured(name) : undefined;
      },
    }),
    ...options,
  });
  const ended: LoginKitEvents["login.ended"][0][] = [];
  kit.events.on("login.ended", (event) => ended.push(event));

  const app = express();
  app.set("env", "test");
  before?.(app);
  app.use(kit.routes);
  app.get("/", (_req, res) => {
    res.send("home");
  });
  app.get("/me", kit.requireAuth(), (req, res) => {
    const { provider, claims } = loginOf(req);
    res.json({ provider, iss: claims.iss, sub: claims.sub });
  });
  routes?.(app, kit);
  app.use(kit.errorHandler);
  server.serve(app);

  const [first = ""] = urls;
  const loginAt = (url: string, provider: string): string =>
    `${url}/login?provider=${provider}&login_hint=${SAME.user}`;
  const named = (name: string): LyingProvider => {
    const provider = providers[name];
    if (provider === undefined) throw new Error(`no provider ${name}`);
    return provider;
  };
  return {
    urls,
    kit,
    providers,
    tenants,
    lookUps: () => lookUps,
    ended,
    async signIn(provider, browser = createTestBrowser(), url = first) {
      await browser.navigate(loginAt(url, provider));
      return browser;
    },
    async begin(provider, browser, url = first) {
      const { response } = await browser.navigate(loginAt(url, provider), {
        stopBefore: (target) => target.pathname.startsWith("/callback"),
      });
      return new URL(response.headers.get("location") ?? "");
    },
    async signedInAt(browser, url = first) {
      const answer = await browser.fetchJson(`${url}/me`);
      const body = (await answer.json()) as { provider?: string };
      return answer.status === 200 ? body.provider : undefined;
    },
    async signOut(browser, url = first) {
      const page = await browser.navigate(`${url}/logout`);
      return browser.submitForm(page);
    },
    tokenRequests: () =>
      Object.values(providers)
        .flatMap(({ requests }) => requests)
        .filter((request) => request === "POST /token").length,
    async logoutBy(name, lie) {
      const provider = named(name);
      const token = provider.logoutToken({
        sub: SAME.user,
        sid: SAME.sid,
        ...lie,
      });
      return provider.postLogoutToken(
        `${first}/backchannel-logout/${name}`,
        token,
      );
    },
    async close() {
      await kit.close();
      await server.close();
      await Promise.all(Object.values(providers).map(({ close }) => close()));
    },
  };
}

async function startProvider(
  name: string,
  urls: readonly string[],
): Promise<LyingProvider> {
  return startLyingProvider({
    clients: [
      {
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        redirectUris: urls.map((url) => `${url}/callback/${name}`),
        postLogoutRedirectUris: urls.map((url) => `${url}/logged-out`),
      },
    ],
    misbehave: {
      idToken: { claims: (right) => ({ ...right, sid: SAME.sid }) },
      // Whether a provider says who it is must not be what tells answers apart.
      metadata: (right) => ({
        ...right,
        authorization_response_iss_parameter_supported: undefined,
      }),
      authorizationResponse: ({ iss: _iss, ...right }) => right,
    },
  });
}
