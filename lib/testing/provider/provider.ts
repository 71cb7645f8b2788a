/**
 * An OpenID Provider that follows the specifications, and lies on command.
 *
 * It is what the OpenID Foundation's conformance suite is to a relying party: real
 * HTTP, no library for providers, and nobody who has to be asked to sign in.
 */
import express, { type RequestHandler, type Router } from "express";

import { listening } from "../listening.js";
import { checkSessionRoutes } from "./check-session.js";
import { loginRoutes } from "./login.js";
import {
  logoutRoutes,
  logoutToken,
  type LogoutTokenOptions,
  postLogoutToken,
} from "./logout.js";
import {
  clientNamed,
  endpoint,
  type ProviderClient,
  type ProviderState,
  tokenFor,
} from "./state.js";
import type { Claims, TokenLie } from "./signed-token.js";
import type { Misbehaviour } from "./misbehaviour.js";
import { foreignKeys, publishedKeys } from "./keys.js";
import { type RequestHolds, requestHolds } from "./request-holds.js";

/** How a provider differs from the usual one. */
export interface ProviderOptions {
  readonly clients: readonly ProviderClient[];
  /** Default: nothing; `provider.misbehave` can be set later. */
  readonly misbehave?: Misbehaviour;
  /** Sees every request, its form parsed, before the endpoints do. Default: nobody. */
  readonly watch?: RequestHandler;
  /**
   * Path of the issuer, such as "/test/a/alias/". It begins with a slash, and the
   * issuer ends with one if it does. Default "".
   */
  readonly path?: string;
  /** Lifetime of access tokens. Seconds, default 300. */
  readonly accessTokenSeconds?: number;
  /** How long the front-channel logout page is shown. Milliseconds, default 500. */
  readonly frontchannelPageMilliseconds?: number;
}

/** The provider, with what tests do to it. */
export interface Provider extends ProviderState {
  /** The issuer. */
  readonly url: string;
  /** "METHOD /path" of every request so far, below the issuer's path. */
  readonly requests: readonly string[];
  readonly close: () => Promise<void>;
  /** How often the JWK Set was fetched. */
  readonly jwksFetches: () => number;
  /** Signs with new keys from now on, and publishes only those. */
  readonly rotateKeys: () => Promise<void>;
  readonly hold: RequestHolds["hold"];
  /** The `sid` of this user's newest session. */
  readonly sidOf: (user: string) => string;
  /** Any JWT, signed as an ID Token of the first client would be. */
  readonly sign: (claims: Claims, lie?: TokenLie) => string;
  /** A logout token, right unless the options say otherwise. */
  readonly logoutToken: (options?: LogoutTokenOptions) => string;
  /** Sends a logout token as the provider does. */
  readonly postLogoutToken: (uri: string, token: string) => Promise<Response>;
  /**
   * URL of a page that ends a session at the provider and frames the front-channel
   * logout URIs.
   *
   * @param sid - default: of the session of the browser that opens the page
   * @param clientId - default: everyone who signed the user in
   */
  readonly opInitiatedFrontchannelPage: (logout?: {
    readonly clientId?: string;
    readonly sid?: string;
  }) => string;
}

/** Starts a provider on the loopback interface; close it in the end. */
export async function startProvider({
  clients,
  misbehave = {},
  watch,
  path = "",
  accessTokenSeconds = 300,
  frontchannelPageMilliseconds = 500,
}: ProviderOptions): Promise<Provider> {
  const server = await listening();
  const holds = requestHolds();
  const requests: string[] = [];
  let rotations = 0;
  const provider: Provider = {
    issuer: server.url + path,
    url: server.url + path,
    clients,
    accessTokenSeconds,
    frontchannelPageMilliseconds,
    keys: await publishedKeys(rotations),
    foreignKeys: await foreignKeys(),
    misbehave,
    currentUser: undefined,
    sessions: new Map(),
    idTokens: new Map(),
    revoked: [],
    endSessionRequests: [],
    backchannelAnswers: [],
    checkSessionPolls: [],
    requests,
    close: server.close,
    jwksFetches: () =>
      requests.filter((request) => request === "GET /jwks").length,
    async rotateKeys() {
      rotations += 1;
      provider.keys = await publishedKeys(rotations);
    },
    hold: holds.hold,
    sidOf(user) {
      const sessions = [...provider.sessions.values()];
      const session = sessions.findLast(({ sub }) => sub === user);
      if (!session) throw new Error(`${user} is not signed in`);
      return session.sid;
    },
    sign: (claims, lie) =>
      tokenFor(provider, clientNamed(provider), claims, lie),
    logoutToken: (options) => logoutToken(provider, options),
    postLogoutToken,
    opInitiatedFrontchannelPage({ clientId, sid } = {}) {
      const page = new URL(endpoint(provider, "front-channel-logout"));
      if (clientId !== undefined) page.searchParams.set("client_id", clientId);
      if (sid !== undefined) page.searchParams.set("sid", sid);
      return page.href;
    },
  };

  const app = express();
  // Errors would be printed otherwise.
  app.set("env", "test");
  const router = express.Router();
  router.use((req, _res, next) => {
    requests.push(`${req.method} ${req.path}`);
    next();
  });
  router.use(holds.middleware);
  router.use(async (req, res, next) => {
    const { intercept } = provider.misbehave;
    if (intercept) await intercept(req, res, next);
    else next();
  });
  router.use(express.urlencoded({ extended: false }));
  if (watch) router.use(watch);
  router.use(metadataRoutes(provider));
  router.use(loginRoutes(provider));
  router.use(logoutRoutes(provider));
  router.use(checkSessionRoutes(provider));
  app.use(path === "" ? "/" : path, router);
  server.serve(app);
  return provider;
}

function metadataRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.get("/.well-known/openid-configuration", (_req, res) => {
    const right = metadataOf(state);
    res.json(state.misbehave.metadata?.(right) ?? right);
  });
  router.get("/jwks", (_req, res) => {
    const right = state.keys.jwks;
    const keys = state.misbehave.jwks?.(right) ?? right;
    res.type("application/jwk-set+json").send(JSON.stringify({ keys }));
  });
  return router;
}

function metadataOf(state: ProviderState): Record<string, unknown> {
  return {
    issuer: state.issuer,
    authorization_endpoint: endpoint(state, "authorize"),
    token_endpoint: endpoint(state, "token"),
    userinfo_endpoint: endpoint(state, "userinfo"),
    jwks_uri: endpoint(state, "jwks"),
    end_session_endpoint: endpoint(state, "end-session"),
    revocation_endpoint: endpoint(state, "revoke"),
    check_session_iframe: endpoint(state, "check-session"),
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    response_types_supported: ["code"],
    response_modes_supported: ["query", "form_post"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    subject_types_supported: ["public"],
    scopes_supported: ["openid", "profile", "email", "offline_access"],
    // As in the suite, "none" is among them; a client has to pin its own.
    id_token_signing_alg_values_supported: [
      "none",
      "RS256",
      "PS256",
      "ES256",
      "EdDSA",
    ],
    token_endpoint_auth_methods_supported: [
      "client_secret_basic",
      "client_secret_post",
    ],
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
  };
}
