/** What an application can tell the kit. */
import type { ErrorRequestHandler } from "express";
import type { ClientAuth } from "openid-client";
import type { RedisClient } from "../stores/redis/redis-command.js";
import type { ProviderFetch } from "./provider-fetch.js";

// `npm run docs` makes docs/options.md of these comments: write for its readers.
// A default stands as "default 30" or "Default `x`"; a test compares it with the
// one that holds.

/** A resource server (an API) that may receive access tokens. */
export interface ResourceServerOptions {
  /**
   * Base URL, written as it is sent: https, or http on loopback. Tokens go to
   * this origin and below this path, and nowhere else. Two servers cannot have
   * the same; where one is below another, `fetch` takes the longer one.
   */
  readonly url: string;
  /**
   * Resource indicator sent to the provider (RFC 8707): an absolute URI without
   * fragment. Default: none.
   *
   * With it the server gets access tokens of its own by the refresh token, so a
   * refresh token is needed.
   */
  readonly resource?: string;
  /**
   * Scope to ask for when a token for this server is requested: part of what was
   * granted at login. Default: all that was granted.
   *
   * With it the server gets access tokens of its own, too.
   */
  readonly scope?: string;
  /**
   * Whether the login's access token is exchanged for one of this server (RFC
   * 8693), instead of asking by refresh token. Default false.
   *
   * `resource` and `scope` are sent along.
   */
  readonly tokenExchange?: boolean;
  /**
   * How long the resource server may be silent. Seconds, up to 3600, default 30.
   *
   * With `forward`: before and within the answer, and how long a browser may
   * leave the answer unread. With `fetch`: until the answer begins. Event streams
   * (`text/event-stream`) may stay silent.
   */
  readonly timeoutSeconds?: number;
  /** How long one forwarded exchange may take in all. Seconds, up to 86400. Default: no limit. */
  readonly totalTimeoutSeconds?: number;
  /**
   * Connections to this server from each process, at most half of them for one
   * login. 1 to 10000, default 128. Further requests wait up to `timeoutSeconds`.
   */
  readonly maxConnections?: number;
  /**
   * Forwarded requests and WebSockets of one login at the same time in each
   * process. 1 to 10000, default 256. One more gets 429.
   */
  readonly maxRequestsPerLogin?: number;
  /**
   * Request headers that are passed on beside the usual ones. Default none.
   *
   * Credentials, `X-Forwarded-*` and what belongs to one hop are refused.
   */
  readonly requestHeaders?: readonly string[];
  /** Response headers that are passed on beside the usual ones; the same holds. Default none. */
  readonly responseHeaders?: readonly string[];
  /** Names of cookies that the resource server may set in the browser. Default none. */
  readonly cookies?: readonly string[];
  /**
   * Whether the server is told who asked: `Forwarded` and `X-Forwarded-*`, made
   * from what Express trusts (`trust proxy`) and from `baseUrl`. Default false.
   */
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
   * Whether a path may hold encoded slashes (`%2F`), as those of GitLab and
   * RabbitMQ do. Default false: 400.
   *
   * A server that reads them as slashes sees other segments than Express: with
   * this option `/users%2F17` passes a guard on `/users` by, and `:id` in the
   * path of a guard stands for more than one segment. Guard everything that is
   * forwarded to this server alike, and let the server take an encoded slash
   * for a part of a name. Dot segments stay refused, also between encoded slashes.
   */
  readonly allowEncodedSlashesInPaths?: boolean;
  /**
   * After so many failures in a row (no answer, 502, 503 or 504) no request is
   * sent for so many seconds: they are answered with 502 at once. Default: never.
   */
  readonly circuitBreaker?: {
    readonly failures: number;
    readonly seconds: number;
  };
}

/** Paths of the kit's endpoints on the application's origin. */
export interface Paths {
  /** Starts a login. Default `/login`. */
  readonly login: string;
  /** Redirect URI. Default `/callback`. Register `baseUrl` and this path at the provider. */
  readonly callback: string;
  /** Ends the login (POST). Default `/logout`. */
  readonly logout: string;
  /** Where the provider sends the browser after logout. Default `/logged-out`. Register `baseUrl` and this path as post-logout redirect URI. */
  readonly loggedOut: string;
  /** Session status for single-page apps. Default `/session`. */
  readonly session: string;
  /** Server-sent events: tells a page that its login ended. Default `/session/events`. */
  readonly sessionEvents: string;
  /**
   * Where the provider posts Logout Tokens. Default `/backchannel-logout`.
   * Register `baseUrl` and this path as `backchannel_logout_uri`.
   *
   * @see docs/ending-logins.md#back-channel-logout
   */
  readonly backchannelLogout: string;
  /** What the provider loads in a frame (`frontchannel_logout_uri`). Default `/frontchannel-logout`. */
  readonly frontchannelLogout: string;
  /** A frame that notices changes of the session at the provider. Default `/check-session`. */
  readonly checkSession: string;
  /**
   * Where a provider or portal starts a login itself (`initiate_login_uri`, Core
   * 4). Default `/initiate-login`.
   *
   * @see docs/how-it-works.md#logins-that-others-start
   */
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
  /**
   * Signs the cookie and seals tokens at rest. At least 32 characters. Of several
   * the first is used and all are accepted, so that it can be changed.
   *
   * @see docs/security.md#changing-sessionsecret
   */
  readonly secret: string | readonly string[];
  /**
   * Name of the session cookie: letters, digits, `-`, `_`. `__Host-` is put
   * before it, except on loopback http. Default `session`, and `session-3000`
   * where `baseUrl` names port 3000: cookies know no ports.
   *
   * Two kits on one origin need two names.
   */
  readonly cookieName?: string;
  /**
   * A login that is not used for so long ends. Seconds, up to a year, default
   * 1800, or `absoluteTimeoutSeconds` where that is smaller.
   */
  readonly idleTimeoutSeconds?: number;
  /**
   * A login ends after so long in any case. Seconds, up to a year, default 28800.
   *
   * Also how long a `req.session` without a login is kept after its last write.
   */
  readonly absoluteTimeoutSeconds?: number;
  /**
   * A claim of the ID Token with a time at which the login ends at the latest,
   * in seconds since 1970: `exp`, or `session_expiry` where a provider sends it.
   * Default: none, the provider's times do not count.
   */
  readonly endClaim?: string;
  /** A user's logins at the same time; with one more the oldest ends. 1 to 1000, default 1000. */
  readonly maxLoginsPerUser?: number;
  /**
   * Whether user agent (up to 256 characters) and IP address are kept with a
   * login, for `kit.sessions.list`. Personal data. Default false.
   */
  readonly recordDevice?: boolean;
}

/** Options of `createLoginKit`. */
export interface LoginKitOptions {
  // The provider

  /**
   * The provider's issuer, letter by letter as its metadata has it. https, or
   * http on loopback.
   */
  readonly issuer: string;
  /** The client's name, as the provider registered it. */
  readonly clientId: string;
  /** The client's secret. Default none: it is required unless `clientAuth` is a function. */
  readonly clientSecret?: string;
  /**
   * How the client authenticates. Default `client_secret_basic`. The provider's
   * metadata does not change it.
   *
   * `PrivateKeyJwt(key)`, `ClientSecretJwt(secret)`, and `None()` for a public
   * client, are exported by `express-login-kit`; other client authentication
   * functions of `openid-client` 6 do as well.
   */
  readonly clientAuth?:
    "client_secret_basic" | "client_secret_post" | ClientAuth;
  /**
   * Must contain `openid`. Default `openid`. Add `offline_access` for refresh
   * tokens, where the provider wants that.
   */
  readonly scope?: string;
  /**
   * Fixed parameters of every authorization request, such as
   * `{ prompt: "consent" }`. Default none. They win over the browser's.
   *
   * `acr_values` and `max_age` are also enforced: an ID Token that does not
   * fulfil them starts no login. Of a fixed `max_age` (whole seconds) and one in
   * the address of `/login`, the smaller counts. `acr_values` in that address may
   * name some of the fixed ones, and no others (400). What the kit sets itself
   * (`state`, `scope`, `redirect_uri` and so on) is refused.
   */
  readonly authorizationParameters?: Readonly<Record<string, string>>;
  /**
   * Parameters that `/login` passes on from its own address. Default
   * `["login_hint", "ui_locales", "prompt"]`.
   *
   * What the kit sets itself, and `return_to`, is refused.
   */
  readonly loginParameters?: readonly string[];
  /** How the provider answers. Default `query`. `response_mode` is sent only for `form_post`. */
  readonly responseMode?: "query" | "form_post";
  /** Whether UserInfo is fetched at login. Default: if the provider has it and `scope` asks for more than `openid` and `offline_access`. */
  readonly userInfo?: boolean;
  /**
   * The one accepted signature algorithm of ID Tokens: RS, PS, ES, HS with 256,
   * 384, 512, `EdDSA` or `Ed25519`. Default `RS256`. HS needs `clientSecret`.
   */
  readonly idTokenSigningAlg?: string;
  /**
   * The one accepted signature algorithm of UserInfo responses that are JWTs
   * (Core 5.3.2): RS, PS or ES with 256, 384, 512, `EdDSA` or `Ed25519`. Default:
   * what the provider's metadata names, or else `idTokenSigningAlg`.
   */
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
  /** Accepted difference between our clock and the provider's. Seconds, 0 to 300, default 30. */
  readonly clockToleranceSeconds?: number;
  /**
   * How long one request to the provider may take. Seconds, up to 60, default 5.
   *
   * A refresh token request may take 60 seconds, so that its answer is not lost;
   * only the requests that wait for it give up after this time.
   */
  readonly providerTimeoutSeconds?: number;
  /**
   * Sends every request to the provider in place of Node's `fetch`: through a
   * proxy, with a certificate of the client (mutual TLS), with tracing.
   * Default: none, so `fetch` sends them.
   *
   * Time, size and redirects stay limited by the kit. A function that throws, or
   * answers something else than a `Response`, is a provider that is not available.
   *
   * @see docs/providers.md#example-through-a-proxy
   */
  readonly providerFetch?: ProviderFetch;

  // The application

  /**
   * The application's origin as browsers see it, without a path: https, or http
   * on loopback. Every absolute URL is made from it, never from request headers,
   * and the CSRF check compares `Origin` with it.
   */
  readonly baseUrl: string;
  /**
   * Paths of the endpoints. A path prefix of the application belongs here: all
   * paths are absolute.
   */
  readonly paths?: Partial<Paths>;
  /** Where a login without `return_to` ends: a path of up to 2048 characters. Default `/`. */
  readonly defaultReturnTo?: string;
  /** Where the browser goes after logout: a path of up to 2048 characters. Default `/`. */
  readonly postLogoutReturnTo?: string;
  /** What a GET of the logout address does: show a page that asks, or be refused (405). It never signs out. Default `confirm`. */
  readonly logoutByGet?: "confirm" | "refuse";
  /** What the browser forgets of this origin at sign-out (`Clear-Site-Data`). Default `["cache", "storage"]`; `[]` sends no such header. */
  readonly clearSiteData?: readonly ("cache" | "cookies" | "storage")[];
  /**
   * How strictly Logout Tokens are read.
   *
   * @see docs/ending-logins.md#back-channel-logout
   */
  readonly backchannelLogout?: BackchannelLogoutOptions;
  /** How long a browser may stay at the provider. Seconds, up to 3600, default 600. */
  readonly transactionTimeoutSeconds?: number;
  /**
   * Keys of `req.session` that survive the login, unless somebody else was signed
   * in before. Default none. The same user who signs in again keeps all.
   */
  readonly carryOver?: readonly string[];
  /** Claims that `/session` tells the browser. Default `["sub", "name"]`. */
  readonly sessionClaims?: readonly string[];
  /**
   * Express error handler that answers the kit's failures instead of its own
   * pages and problem+json. It gets a `LoginKitError`. Default: none.
   *
   * Check `res.headersSent` first: a forwarded answer may have begun.
   *
   * @see docs/errors.md#in-your-own-code
   */
  readonly answerError?: ErrorRequestHandler;
  /**
   * Allows http beyond loopback addresses for provider and resource servers: for
   * tests in a closed network, never in production. Default false. It does not
   * change `baseUrl`, which stays https or loopback.
   */
  readonly dangerouslyAllowInsecureRequests?: boolean;

  // The session and the store

  /** The session, its cookie, and how long logins live. */
  readonly session: SessionOptions;
  /**
   * A connected node-redis client (single server, Sentinel or Cluster): where
   * logins are kept. Needs the package `connect-redis` 9.
   *
   * Default none: an embedded store in the process, for development; refused where
   * others reach `baseUrl`, unless `NODE_ENV` is `development` or `test`, and
   * always when it is `production`.
   *
   * @see docs/redis.md
   */
  readonly redis?: RedisClient;
  /**
   * Prefix of every key in Redis, without braces and spaces. Default `login-kit:`.
   * A part made of `issuer` and `clientId` follows, so different applications
   * never meet.
   */
  readonly redisKeyPrefix?: string;
  /** How long one command to Redis may take. Seconds, up to 60, default 2. */
  readonly storeTimeoutSeconds?: number;

  // Resource servers

  /**
   * APIs that may receive access tokens, by a name of yours (letters, digits,
   * `-`, `_`). Default none.
   *
   * Servers without `resource`, `scope` and `tokenExchange` share the token that
   * was issued at login. Two servers share any other token only if they ask for
   * the same.
   *
   * @see docs/sessions-and-tokens.md#a-token-for-each-resource-server
   */
  readonly resourceServers?: Readonly<Record<string, ResourceServerOptions>>;
  /**
   * How long before its expiry an access token is refreshed, but never in the
   * first half of its life. Seconds, 0 to 3600, default 30. Make it larger than
   * your slowest request.
   */
  readonly refreshLeewaySeconds?: number;
}
