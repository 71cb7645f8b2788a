/** What an application can tell the kit. */
import type { ErrorRequestHandler } from "express";
import type { ClientAuth } from "openid-client";
import type { RedisClient } from "./login-store/redis-command.js";

/** A resource server (an API) that may receive access tokens. */
export interface ResourceServerOptions {
  /**
   * Base URL, written as it is sent. Tokens go to this origin and below this
   * path, nowhere else. Two servers cannot have the same; where one is below
   * another, `fetch` takes the longer one.
   */
  readonly url: string;
  /** Resource indicator sent to the provider (RFC 8707). Default: none. */
  readonly resource?: string;
  /** Scope to ask for when a token for this server is requested. Default: all that was granted. */
  readonly scope?: string;
  /** Exchange the login's access token for one of this server (RFC 8693) instead of asking by refresh token. Default false. */
  readonly tokenExchange?: boolean;
  /** How long the resource server may be silent, in seconds. Default 30. With `fetch`: until its answer begins. Event streams (`text/event-stream`) may stay silent. */
  readonly timeoutSeconds?: number;
  /** How long one forwarded exchange may take in all, in seconds. Default: no limit. */
  readonly totalTimeoutSeconds?: number;
  /** Connections to this server from each process; further requests wait up to `timeoutSeconds`. Default 128. */
  readonly maxConnections?: number;
  /** Forwarded requests of one login at the same time; one more gets 429. Default 256. */
  readonly maxRequestsPerLogin?: number;
  /** Further request headers to pass on. None that carries credentials or belongs to one hop. */
  readonly requestHeaders?: readonly string[];
  /** Further response headers to pass on; the same holds. */
  readonly responseHeaders?: readonly string[];
  /** Names of cookies that the resource server may set in the browser. Default none. */
  readonly cookies?: readonly string[];
  /** Whether it is told who asked: `Forwarded` and `X-Forwarded-*`, from what Express trusts (`trust proxy`). Default false. */
  readonly tellClientAddress?: boolean;
  /**
   * Whether a path may hold semicolons, plain or as `%3B`. Default false: 400.
   *
   * Many servers cut off what follows a semicolon before they look for a route,
   * Express does not: with this option `/payments;v=1` passes a guard on
   * `/payments` by. Guard everything that is forwarded to this server alike.
   */
  readonly allowSemicolonsInPaths?: boolean;
  /**
   * Whether a path may hold encoded slashes (`%2F`). Default false: 400.
   *
   * A server that reads them as slashes sees other segments than Express: with
   * this option `/users%2F17` passes a guard on `/users` by, and `:id` in the
   * path of a guard stands for more than one segment. Guard everything that is
   * forwarded to this server alike, and let the server take an encoded slash
   * for a part of a name. Dot segments stay refused, also between encoded slashes.
   */
  readonly allowEncodedSlashesInPaths?: boolean;
  /** After so many failures in a row (no answer, 502, 503, 504) no request is sent for so many seconds: 502 at once. Default: never. */
  readonly circuitBreaker?: {
    readonly failures: number;
    readonly seconds: number;
  };
}

/** Paths of the kit's endpoints on the application's origin. */
export interface Paths {
  /** Starts a login. Default `/login`. */
  readonly login: string;
  /** Redirect URI. Default `/callback`. */
  readonly callback: string;
  /** Ends the login (POST). Default `/logout`. */
  readonly logout: string;
  /** Where the provider sends the browser after logout. Default `/logged-out`. */
  readonly loggedOut: string;
  /** Session status for single-page apps. Default `/session`. */
  readonly session: string;
  /** Server-sent events: tells a page that its login ended. Default `/session/events`. */
  readonly sessionEvents: string;
  /** Where the provider posts Logout Tokens (`backchannel_logout_uri`). Default `/backchannel-logout`. */
  readonly backchannelLogout: string;
  /** What the provider loads in a frame (`frontchannel_logout_uri`). Default `/frontchannel-logout`. */
  readonly frontchannelLogout: string;
  /** A frame that notices changes of the session at the provider. Default `/check-session`. */
  readonly checkSession: string;
  /** Where a provider or portal starts a login (`initiate_login_uri`, Core 4). Default `/initiate-login`. */
  readonly initiateLogin: string;
}

/** How strictly Logout Tokens are read; every other rule always holds. */
export interface BackchannelLogoutOptions {
  /** Whether their header must say `typ: logout+jwt`. Default false: many providers send none. */
  readonly requireType?: boolean;
  /** Whether they must have `exp`. Default true. Without it they live two minutes from `iat`. */
  readonly requireExpiry?: boolean;
}

/** Options of the session and its cookie. */
export interface SessionOptions {
  /** Signs the cookie and seals tokens at rest. The first is used, all are accepted (rotation). At least 32 characters each. */
  readonly secret: string | readonly string[];
  /** Without prefix; `__Host-` is added except on loopback http. Default `session`, and `session-3000` where `baseUrl` names port 3000: cookies know no ports. */
  readonly cookieName?: string;
  /** A login unused for so long ends. Seconds, default 1800 (30 minutes). */
  readonly idleTimeoutSeconds?: number;
  /** A login ends after so long in any case. Seconds, default 28800 (8 hours). */
  readonly absoluteTimeoutSeconds?: number;
  /**
   * A claim of the ID Token with a time at which the login ends at the latest,
   * in seconds since 1970: `exp`, or `session_expiry` where a provider sends it.
   * Default: none, the provider's times do not count.
   */
  readonly endClaim?: string;
  /** A user's logins at the same time; the oldest ends when there is one more. 1 to 1000, default 1000. */
  readonly maxLoginsPerUser?: number;
  /** Whether user agent and IP address are kept with a login, for `kit.sessions.list`. Personal data. Default false. */
  readonly recordDevice?: boolean;
}

/** Options of `createLoginKit`. */
export interface LoginKitOptions {
  /** The provider's issuer, exactly as its metadata publishes it. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  /**
   * How the client authenticates. Default `client_secret_basic`.
   * Or `PrivateKeyJwt(key)`, `ClientSecretJwt(secret)`, `None()` for a public
   * client, or another client authentication function of openid-client.
   */
  readonly clientAuth?:
    "client_secret_basic" | "client_secret_post" | ClientAuth;
  /** The application's own origin as browsers see it. Every absolute URL is made from it, never from request headers. */
  readonly baseUrl: string;
  readonly session: SessionOptions;
  /** A connected node-redis client (single server, Sentinel or Cluster). Absent: an embedded store for one process in development. */
  readonly redis?: RedisClient;
  /** Prefix of every key in Redis. Default `login-kit:`. After it comes a part that is made of `issuer` and `clientId`. */
  readonly redisKeyPrefix?: string;
  /** Default `openid`. */
  readonly scope?: string;
  /** Fixed parameters of every authorization request, such as `{ prompt: "consent" }`. They win over the browser's. */
  readonly authorizationParameters?: Readonly<Record<string, string>>;
  /** Parameters that the login address passes on to the provider. Default `login_hint`, `ui_locales`, `prompt`. */
  readonly loginParameters?: readonly string[];
  /** How the provider answers. Default `query`. */
  readonly responseMode?: "query" | "form_post";
  /** Whether UserInfo is fetched at login. Default: when the provider has it and `scope` asks for more than `openid` and `offline_access`. */
  readonly userInfo?: boolean;
  /** The one accepted signature algorithm of ID Tokens. Default `RS256`. */
  readonly idTokenSigningAlg?: string;
  /** The one accepted signature algorithm of UserInfo responses that are JWTs (Core 5.3.2). Default: what the provider's metadata names, or else `idTokenSigningAlg`. */
  readonly userInfoSigningAlg?: string;
  /**
   * Audiences that ID Tokens and Logout Tokens may have beside this client
   * (Core 3.1.3.7), by exact name. Default none: such a token is refused.
   *
   * An ID Token with one of them must name this client in `azp`.
   */
  readonly trustedAudiences?: readonly string[];
  /**
   * The provider's authentication contexts (`acr`, Core 2) from the weakest to
   * the strongest, such as `["bronze", "silver", "gold"]`. A login
   * that is stronger than asked for passes: in the rules of guards, and where
   * `acr_values` were sent. Default: none is stronger than another.
   */
  readonly acrOrder?: readonly string[];
  /**
   * Whether authorization requests go to the provider directly, and only a
   * reference to them through the browser (RFC 9126). Default `auto`: where the
   * provider's metadata has an endpoint for it. `always`: a provider without
   * one is `ERR_DISCOVERY_INVALID`, as is with `never` one that requires it.
   */
  readonly pushedAuthorizationRequests?: "auto" | "always" | "never";
  /** Accepted difference between our clock and the provider's. Seconds, default 30. */
  readonly clockToleranceSeconds?: number;
  /** APIs that may receive access tokens, by a name of yours. */
  readonly resourceServers?: Readonly<Record<string, ResourceServerOptions>>;
  /** How long before its expiry an access token is refreshed. Seconds, default 30. */
  readonly refreshLeewaySeconds?: number;
  readonly paths?: Partial<Paths>;
  /** Where a login without `return_to` ends. Default `/`. */
  readonly defaultReturnTo?: string;
  /** Where the browser goes after logout. Default `/`. */
  readonly postLogoutReturnTo?: string;
  /** What a GET of the logout address does: show a page that asks, or be refused (405). It never signs out. Default `confirm`. */
  readonly logoutByGet?: "confirm" | "refuse";
  /** What the browser forgets of this origin at logout (`Clear-Site-Data`). Default `["cache", "storage"]`; `[]` sends no such header. */
  readonly clearSiteData?: readonly ("cache" | "cookies" | "storage")[];
  readonly backchannelLogout?: BackchannelLogoutOptions;
  /** Keys of `req.session` from before the login that are kept. Default none. */
  readonly carryOver?: readonly string[];
  /** Claims that the session endpoint tells the browser. Default `sub`, `name`. */
  readonly sessionClaims?: readonly string[];
  /** How long the login store may take to answer. Seconds, default 2. */
  readonly storeTimeoutSeconds?: number;
  /** How long one request to the provider may take. Seconds, default 5. */
  readonly providerTimeoutSeconds?: number;
  /** How long a browser may stay at the provider. Seconds, default 600. */
  readonly transactionTimeoutSeconds?: number;
  /** Allows http beyond loopback addresses for provider and resource servers. Never in production. */
  readonly dangerouslyAllowInsecureRequests?: boolean;
  /** Answers the kit's failures instead of its own pages and problem+json. It gets a `LoginKitError`. */
  readonly answerError?: ErrorRequestHandler;
}
