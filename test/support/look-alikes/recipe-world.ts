/** A world with the application of a provider's page, and a look-alike of that provider at its public addresses. */
import express, { type Express, type RequestHandler } from "express";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitOptions,
  loginOf,
} from "../../../lib/index.js";
import { listening } from "../../../lib/testing/listening.js";
import { authenticatedClient } from "../../../lib/testing/provider/client-authentication.js";
import {
  type LyingProvider,
  type Misbehaviour,
  startLyingProvider,
} from "../lying-provider.js";
import type { Page } from "../form-submission.js";
import { createTestBrowser, type TestBrowser } from "../test-browser.js";
import type { Endpoints, LookAlike } from "./look-alike.js";
import { optionsOf } from "./provider-pages.js";

/** The application and the look-alike. */
export interface RecipeWorld {
  /** What the page's application has as `baseUrl`. */
  readonly baseUrl: string;
  readonly kit: LoginKit;
  readonly provider: LyingProvider;
  readonly browser: TestBrowser;
  /** Signs a user in; the page that the browser then shows. */
  readonly signIn: (user: string) => Promise<Page>;
  /** What the application answers to a fetch of the browser. */
  readonly read: (path: string) => Promise<Response>;
  /** Presses the button, and follows the browser. */
  readonly signOut: () => Promise<Page>;
  /** Posts a Logout Token of the look-alike about this user. */
  readonly logoutByProvider: (user: string) => Promise<Response>;
  readonly close: () => Promise<void>;
}

type ProviderAndBase = Extract<LoginKitOptions, { readonly issuer: string }>;

/** What sends the form of a page that answers by `form_post`. */
const FORM_POST = "document.forms[0].submit()";

/** Where the test provider has each endpoint. */
const PATHS = {
  authorization_endpoint: "/authorize",
  token_endpoint: "/token",
  jwks_uri: "/jwks",
  userinfo_endpoint: "/userinfo",
  revocation_endpoint: "/revoke",
  end_session_endpoint: "/end-session",
  pushed_authorization_request_endpoint: "/par",
} as const satisfies Record<keyof Endpoints, string>;

/**
 * Builds it; close it in the end.
 *
 * @param changes options in place of the page's; undefined: not set
 */
export async function recipeWorld(
  lookAlike: LookAlike,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<RecipeWorld> {
  const options: ProviderAndBase = withChanges(
    await optionsOf(lookAlike.recipe, lookAlike.block, lookAlike.modules),
    changes,
  );
  const baseUrl = String(options.baseUrl);
  const served = addressesOf(lookAlike);
  // First: it may refuse its options.
  const kit = createLoginKit({
    ...options,
    fetch: (url, request) => fetch(servedAt(new URL(url)), request),
  });
  const server = await listening();
  const provider = await startLookAlike(lookAlike, options);
  function servedAt(url: URL): URL {
    if (url.origin === baseUrl) {
      return new URL(url.pathname + url.search, server.url);
    }
    const path = served.get(url.origin + url.pathname) ?? "/nothing-is-here";
    return new URL(path + url.search, provider.url);
  }
  server.serve(application(kit, lookAlike.api));
  const browser = createTestBrowser({ servedAt });
  return {
    baseUrl,
    kit,
    provider,
    browser,
    async signIn(user) {
      const page = await browser.navigate(
        `${baseUrl}/login?return_to=/me&login_hint=${user}`,
      );
      // What the script of a page does that answers by form_post.
      return page.body.includes(FORM_POST)
        ? browser.submitForm(page, {}, { initiator: page.url })
        : page;
    },
    read: (path) => browser.fetchJson(baseUrl + path),
    async signOut() {
      const page = await browser.navigate(`${baseUrl}/logout`);
      return browser.submitForm(page);
    },
    logoutByProvider(user) {
      const token = provider.logoutToken({
        sub: user,
        sid: provider.sidOf(user),
        ...lookAlike.logoutToken,
      });
      return provider.postLogoutToken(
        `${server.url}/backchannel-logout`,
        token,
      );
    },
    async close() {
      await kit.close();
      await Promise.all([server.close(), provider.close()]);
    },
  };
}

function withChanges(
  options: LoginKitOptions,
  changes: Readonly<Record<string, unknown>>,
): ProviderAndBase {
  return Object.fromEntries(
    Object.entries({ ...options, ...changes }).filter(
      ([, value]) => value !== undefined,
    ),
  ) as unknown as ProviderAndBase;
}

/** The path at the test provider of each public address, which has no query here. */
function addressesOf({
  issuer,
  metadataAddress = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
  endpoints,
  unlisted,
  api,
}: LookAlike): Map<string, string> {
  const listed = Object.entries({ ...unlisted, ...endpoints }).map(
    ([name, address]) =>
      [withoutQuery(address), PATHS[name as keyof Endpoints]] as const,
  );
  return new Map([
    [withoutQuery(metadataAddress), "/.well-known/openid-configuration"],
    ...listed,
    // Whatever takes an access token that has not expired.
    ...(api === undefined
      ? []
      : [[withoutQuery(api), PATHS.userinfo_endpoint] as const]),
  ]);
}

function withoutQuery(address: string): string {
  const { origin, pathname } = new URL(address);
  return origin + pathname;
}

async function startLookAlike(
  lookAlike: LookAlike,
  { clientId, clientSecret, baseUrl }: ProviderAndBase,
): Promise<LyingProvider> {
  const { issuer, rotatesRefreshTokens = true } = lookAlike;
  const provider = await startLyingProvider({
    issuer,
    rotatesRefreshTokens,
    clients: [
      {
        clientId,
        clientSecret: typeof clientSecret === "string" ? clientSecret : "",
        redirectUris: [`${String(baseUrl)}/callback`],
        postLogoutRedirectUris: [`${String(baseUrl)}/logged-out`],
        ...lookAlike.client,
      },
    ],
  });
  provider.misbehave = behaviourOf(lookAlike, provider);
  return provider;
}

/** What the test provider does in the way of this one. */
function behaviourOf(
  {
    issuer,
    endpoints,
    metadata,
    idToken,
    tokenResponse,
    issuesRefreshToken = () => true,
    rotatesRefreshTokens = true,
    userInfo,
    logout,
    checksClient,
    authorizationResponse,
  }: LookAlike,
  provider: LyingProvider,
): Misbehaviour {
  const pushed: Pushed = new Map();
  return {
    metadata: () => ({
      issuer,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
      ...endpoints,
      ...metadata,
    }),
    authorizationResponse(right) {
      const response =
        metadata?.["authorization_response_iss_parameter_supported"] === true
          ? right
          : without(right, "iss");
      return authorizationResponse?.(response) ?? response;
    },
    ...(idToken && { idToken: { claims: idToken } }),
    tokenResponse(right, grantType) {
      const hasRefreshToken =
        grantType === "refresh_token"
          ? rotatesRefreshTokens
          : issuesRefreshToken(newestRequest(provider));
      const response = hasRefreshToken
        ? right
        : without(right, "refresh_token");
      return tokenResponse?.(response, grantType) ?? response;
    },
    ...(userInfo && { userinfo: userInfo }),
    intercept: pushing(
      provider,
      pushed,
      checking(checksClient, ownLogout(logout)),
    ),
  };
}

function newestRequest({ received }: LyingProvider): URLSearchParams {
  const request = received.findLast(({ path }) => path === "/authorize");
  return request?.query ?? new URLSearchParams();
}

function without<Value extends object>(right: Value, name: string): Value {
  return Object.fromEntries(
    Object.entries(right).filter(([member]) => member !== name),
  ) as Value;
}

/** A logout that is not as RP-Initiated Logout 1.0 has it. */
function ownLogout(logout: LookAlike["logout"]): RequestHandler {
  return (req, res, next) => {
    if (logout === undefined || req.path !== "/end-session") {
      next();
      return;
    }
    const [, query = ""] = req.url.split("?");
    const goesTo = logout(new URLSearchParams(query));
    if (goesTo === undefined) res.status(400).send("the logout was refused");
    else res.redirect(302, goesTo);
  };
}

/** A check of the client that is this provider's own. */
function checking(
  check: RequestHandler | undefined,
  otherwise: RequestHandler,
): RequestHandler {
  const readForm: RequestHandler = express.urlencoded({ extended: false });
  return async (req, res, next) => {
    if (check === undefined || !/^\/(?:token|revoke)$/.test(req.path)) {
      await otherwise(req, res, next);
      return;
    }
    readForm(req, res, () => void check(req, res, next));
  };
}

/** Queries of authorization requests, by their `request_uri`. */
type Pushed = Map<string, string>;

/** Pushed authorization requests (RFC 9126). */
function pushing(
  provider: LyingProvider,
  pushed: Pushed,
  otherwise: RequestHandler,
): RequestHandler {
  const readForm: RequestHandler = express.urlencoded({ extended: false });
  return async (req, res, next) => {
    if (req.path === "/par") {
      readForm(req, res, () => {
        if (!authenticatedClient(provider, req, res)) return;
        const uri = `urn:pushed:${String(pushed.size)}`;
        const request = req.body as Record<string, string>;
        pushed.set(uri, new URLSearchParams(request).toString());
        res.status(201).json({ request_uri: uri, expires_in: 60 });
      });
      return;
    }
    const [, query = ""] = req.url.split("?");
    const uri = new URLSearchParams(query).get("request_uri") ?? "";
    const request = pushed.get(uri);
    // The router reads the query anew from the address.
    if (request !== undefined) req.url = `${req.path}?${request}`;
    await otherwise(req, res, next);
  };
}

function application(kit: LoginKit, api: string | undefined): Express {
  const app = express();
  // Errors that the kit does not answer would be printed otherwise.
  app.set("env", "test");
  app.use(kit.routes);
  app.get("/", (_req, res) => {
    res.send("home");
  });
  app.get("/me", kit.requireAuth(), (req, res) => {
    res.json(loginOf(req).claims);
  });
  app.get("/token", kit.requireAuth(), async (req, res) => {
    res.send((await loginOf(req).accessToken()).value);
  });
  app.get("/user-info", kit.requireAuth(), async (req, res) => {
    res.json(await loginOf(req).userInfo());
  });
  app.get("/unverified-user", kit.requireAuth(), (req, res) => {
    res.json(loginOf(req).unverifiedUser);
  });
  app.get("/api", kit.requireAuth(), async (req, res) => {
    res.sendStatus((await loginOf(req).fetch(api ?? "")).status);
  });
  app.use(kit.errorHandler);
  return app;
}
