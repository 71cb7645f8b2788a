/**
 * An OpenID Provider that follows the specifications, and lies on command.
 *
 * It is what the OpenID Foundation's conformance suite is to a relying party: real
 * HTTP, and no library for providers.
 */
import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import express, { type RequestHandler } from "express";

import { listening } from "../listening.js";
import { addProvider, removeProvider } from "../running-providers.js";
import { authorizeRoutes } from "./authorize.js";
import { checkSessionRoutes } from "./check-session.js";
import { createGrants } from "./grants.js";
import { publishedKeys } from "./keys.js";
import {
  logoutRoutes,
  logoutToken,
  type LogoutTokenOptions,
  postLogoutToken,
} from "./logout.js";
import { metadataRoutes } from "./metadata.js";
import type { Misbehaviour } from "./misbehaviour.js";
import type { ProviderClient, Registered } from "./parties.js";
import { pushedRequestRoutes } from "./pushed-requests.js";
import { noteRequests, type ReceivedRequest } from "./received-requests.js";
import { type RequestHolds, requestHolds } from "./request-holds.js";
import type { Claims, WrongToken } from "./signed-token.js";
import {
  clientNamed,
  endpoint,
  type Offers,
  type ProviderState,
  tokenFor,
} from "./state.js";
import { tokenRoutes } from "./token.js";
import { userInfoRoutes } from "./user-info.js";

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
  /** Names it in all it says, and is in its addresses. Default: where it listens, and `path`. */
  readonly issuer?: string;
  /** Port of the loopback interface. Default: a free one. */
  readonly port?: number;
  /** Claims of users by their `sub`. Default: none. */
  readonly users?: Readonly<Record<string, Claims>>;
  /** Whether pages ask who signs in, and whether the user agrees. Default: neither. */
  readonly asks?: { readonly user: boolean; readonly consent: boolean };
  /** Resource indicators that are known. Default: any. */
  readonly resources?: Registered;
  /** What it offers beyond the usual. Default: nothing. */
  readonly offers?: Partial<Offers>;
  /** Default true. */
  readonly rotatesRefreshTokens?: boolean;
  /** Whether tokens are bound to keys that requests prove (RFC 9449), and with which nonce. Default: not offered. */
  readonly dpop?: { readonly nonce?: string };
  /** Lifetime of access tokens. Seconds, default 300. */
  readonly accessTokenSeconds?: number;
  /** How long the front-channel logout page is shown. Milliseconds, default 500. */
  readonly frontchannelPageMilliseconds?: number;
}

/** The provider, with what tests do to it. */
export interface Provider extends ProviderState {
  /** Where it listens, and `path`: the issuer, unless it has another. */
  readonly url: string;
  /** "METHOD /path" of every request so far, below the issuer's path. */
  readonly requests: readonly string[];
  /** The same requests with what was in them. */
  readonly received: readonly ReceivedRequest[];
  /** Milliseconds that every request waits from now on. */
  delayMilliseconds: number;
  /** Whether connections are broken off. */
  readonly setDown: (isDown: boolean) => void;
  readonly close: () => Promise<void>;
  /** How often the JWK Set was fetched. */
  readonly jwksFetches: () => number;
  /** Signs with new keys from now on, and publishes only those. */
  readonly rotateKeys: () => Promise<void>;
  readonly hold: RequestHolds["hold"];
  /** The `sid` of this user's newest session. */
  readonly sidOf: (user: string) => string;
  /** Any JWT, signed as an ID Token of the first client would be. */
  readonly sign: (claims: Claims, lie?: WrongToken) => string;
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
export async function startProvider(
  options: ProviderOptions,
): Promise<Provider> {
  const server = await listening(options.port);
  const holds = requestHolds();
  const requests: string[] = [];
  const received: ReceivedRequest[] = [];
  let rotations = 0;
  const provider: Provider = {
    ...(await stateOf(options, server.url)),
    url: server.url + (options.path ?? ""),
    requests,
    received,
    delayMilliseconds: 0,
    setDown: server.setDown,
    async close() {
      removeProvider(provider);
      await server.close();
    },
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
    logoutToken: (wanted) => logoutToken(provider, wanted),
    postLogoutToken,
    opInitiatedFrontchannelPage({ clientId, sid } = {}) {
      const page = new URL(endpoint(provider, "front-channel-logout"));
      if (clientId !== undefined) page.searchParams.set("client_id", clientId);
      if (sid !== undefined) page.searchParams.set("sid", sid);
      return page.href;
    },
  };
  const noted = [
    noteNames(requests),
    delayed(provider),
    holds.middleware,
    misbehaving(provider),
    express.urlencoded({ extended: false }),
    noteRequests(received),
    ...(options.watch ? [options.watch] : []),
  ];
  server.serve(application(provider, options.path, noted));
  addProvider(provider);
  return provider;
}

async function stateOf(
  {
    clients,
    misbehave = {},
    path = "",
    issuer,
    users = {},
    asks = { user: false, consent: false },
    resources = "any",
    offers,
    rotatesRefreshTokens = true,
    dpop,
    accessTokenSeconds = 300,
    frontchannelPageMilliseconds = 500,
  }: ProviderOptions,
  url: string,
): Promise<ProviderState> {
  return {
    issuer: issuer ?? url + path,
    clients,
    users: new Map(Object.entries(users)),
    asksUsers: asks.user,
    asksConsent: asks.consent,
    resources,
    offers: {
      pushedRequests: "no",
      signedRequests: "no",
      signedResponses: "no",
      ...offers,
    },
    pushed: new Map(),
    pages: new Set(),
    rotatesRefreshTokens,
    dpop: dpop && { nonce: dpop.nonce, uses: new Set() },
    grants: createGrants(),
    next: {},
    accessTokenSeconds,
    frontchannelPageMilliseconds,
    keys: await publishedKeys(0),
    misbehave,
    currentUser: undefined,
    sessions: new Map(),
    idTokens: new Map(),
    revoked: [],
    endSessionRequests: [],
    backchannelAnswers: [],
    checkSessionPolls: [],
  };
}

function application(
  provider: Provider,
  path = "",
  before: readonly RequestHandler[],
): RequestListener {
  const app = express();
  // Errors would be printed otherwise.
  app.set("env", "test");
  const router = express.Router();
  router.use(...before);
  router.use(metadataRoutes(provider));
  router.use(authorizeRoutes(provider));
  router.use(pushedRequestRoutes(provider));
  router.use(tokenRoutes(provider));
  router.use(userInfoRoutes(provider));
  router.use(logoutRoutes(provider));
  router.use(checkSessionRoutes(provider));
  app.use(path === "" ? "/" : path, router);
  return app;
}

function noteNames(requests: string[]): RequestHandler {
  return (req, _res, next) => {
    requests.push(`${req.method} ${req.path}`);
    next();
  };
}

function delayed(provider: Provider): RequestHandler {
  return async (_req, _res, next) => {
    const { delayMilliseconds } = provider;
    if (delayMilliseconds > 0) {
      await sleep(delayMilliseconds, undefined, { ref: false });
    }
    next();
  };
}

function misbehaving(provider: Provider): RequestHandler {
  return async (req, res, next) => {
    const { intercept } = provider.misbehave;
    if (intercept) await intercept(req, res, next);
    else next();
  };
}
