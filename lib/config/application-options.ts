/** Options about the application: what they are, may be, and are by default. */
import type { ErrorRequestHandler, RequestHandler } from "express";
import * as z from "zod";
import { membersOf } from "../base/checked.js";
import { isLoopbackHttp } from "../base/loopback.js";
import { parseUrl } from "../base/parse-url.js";
import { localPath } from "../base/return-to.js";
import {
  flag,
  functionValue,
  path,
  seconds,
  text,
  texts,
} from "./option-values.js";
import type { Filled, Shape } from "./read-options.js";

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
  /** Offers a form again that was posted without a login. Default `/login/form`. */
  readonly keptForm: string;
  /** Where a sign-in in a window of its own ends; it closes the window. Default `/login/done`. */
  readonly loginDone: string;
}

/** Limits on endpoints that anybody can ask. */
export interface Limits {
  /** For `/login`, and for what `kit.silentLogin` starts. */
  readonly login?: RequestHandler;
  /** For the redirect URIs. */
  readonly callback?: RequestHandler;
  /** For logins that others start. */
  readonly initiateLogin?: RequestHandler;
  /** For Logout Tokens of the provider. */
  readonly backchannelLogout?: RequestHandler;
}

/** Options about the application's own pages and addresses. */
export interface ApplicationOptions {
  /**
   * Where browsers reach the application: https, or http on loopback, with the
   * path prefix that they see, such as `https://example.com/shop`. Every absolute
   * URL is made from it, and the CSRF check compares `Origin` with it.
   *
   * Several hosts: a list, all with the same scheme and path. The request's host
   * chooses one of them, and no other host is answered (421).
   *
   * @see docs/several-providers.md#several-hosts
   */
  readonly baseUrl: string | readonly string[];
  /** Paths of the endpoints, below the path of `baseUrl`. */
  readonly paths?: Partial<Paths>;
  /** Where a login without `return_to` ends: a path of up to 2048 characters, below that of `baseUrl`. Default `/`. */
  readonly defaultReturnTo?: string;
  /** Where the browser goes after logout: a path of up to 2048 characters, below that of `baseUrl`. Default `/`. */
  readonly postLogoutReturnTo?: string;
  /** What a GET of the logout address does: show a page that asks, or be refused (405). It never signs out. Default `confirm`. */
  readonly logoutByGet?: "confirm" | "refuse";
  /** What the browser forgets of this origin at sign-out (`Clear-Site-Data`). Default `["cache", "storage"]`; `[]` sends no such header. */
  readonly clearSiteData?: readonly ("cache" | "cookies" | "storage")[];
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
   * Express middleware that runs before anything else of an endpoint, and may
   * refuse its requests: `limits: { login: rateLimit({ … }) }`. Each is compatible
   * with express-rate-limit. Default: none.
   *
   * @see docs/guides/limits.md
   */
  readonly limits?: Limits;
  /**
   * Allows http beyond loopback addresses for provider and resource servers: for
   * tests in a closed network, never in production. Default false. It does not
   * change `baseUrl`, which stays https or loopback.
   */
  readonly dangerouslyAllowInsecureRequests?: boolean;
}

/** The same after checking. */
export type ApplicationConfig = Omit<
  Filled<ApplicationOptions, "answerError">,
  "paths" | "limits"
> & { readonly paths: Paths; readonly limits: Limits };

// A limit that is there and undefined would be one that is missing.
const limit = functionValue<RequestHandler>(
  "must be Express middleware, such as rateLimit({ … })",
).exactOptional();

/** What they may be. */
export const applicationShape: Shape<ApplicationConfig> = {
  baseUrl: z.union([z.array(text).min(1), z.string().max(4096)], {
    error: ({ input }) =>
      `${input === undefined ? "is missing" : "must be a URL or a list of URLs"}; set it to where browsers reach this application, such as https://shop.example`,
  }),
  paths: membersOf({
    login: path.default("/login"),
    callback: path.default("/callback"),
    logout: path.default("/logout"),
    loggedOut: path.default("/logged-out"),
    session: path.default("/session"),
    sessionEvents: path.default("/session/events"),
    backchannelLogout: path.default("/backchannel-logout"),
    frontchannelLogout: path.default("/frontchannel-logout"),
    checkSession: path.default("/check-session"),
    initiateLogin: path.default("/initiate-login"),
    keptForm: path.default("/login/form"),
    loginDone: path.default("/login/done"),
  }).prefault({}),
  defaultReturnTo: text.default("/"),
  postLogoutReturnTo: text.default("/"),
  logoutByGet: z.enum(["confirm", "refuse"]).default("confirm"),
  clearSiteData: z
    .array(z.enum(["cache", "cookies", "storage"]))
    .default(["cache", "storage"]),
  transactionTimeoutSeconds: seconds(600, 3600),
  carryOver: texts.default([]),
  sessionClaims: texts.default(["sub", "name"]),
  answerError: functionValue<ErrorRequestHandler>(
    "must be an Express error handler",
  ).optional(),
  limits: membersOf({
    login: limit,
    callback: limit,
    initiateLogin: limit,
    backchannelLogout: limit,
  }).prefault({}),
  dangerouslyAllowInsecureRequests: flag(false),
};

/** What they must fulfil beyond that, as lines for people; some may be missing because their shape was wrong. */
export function applicationProblems(
  values: Partial<ApplicationConfig>,
): string[] {
  return [...baseUrlProblems(values), ...localPathProblems(values)];
}

/** What a path prefix may be: as those of the endpoints. */
const BASE_PATH = /^(?:\/[A-Za-z0-9\-._~]+)*\/?$/;

function baseUrlProblems({ baseUrl }: Partial<ApplicationConfig>): string[] {
  if (baseUrl === undefined) return [];
  const addresses = [baseUrl].flat();
  if (addresses.includes("")) {
    return [
      "baseUrl: must not be empty; set it to where browsers reach this application, such as https://shop.example",
    ];
  }
  const urls = addresses.map(parseUrl).filter((url) => url !== undefined);
  if (urls.length < addresses.length) {
    return ["baseUrl: must be an absolute URL, such as https://shop.example"];
  }
  const problems = urls.flatMap(oneBaseUrlProblems);
  if (new Set(urls.map(({ protocol }) => protocol)).size > 1) {
    problems.push("baseUrl: all must be https, or all http on loopback");
  }
  if (new Set(urls.map(basePathOf)).size > 1) {
    problems.push("baseUrl: all must have the same path");
  }
  if (new Set(urls.map(({ hostname }) => hostname)).size < urls.length) {
    problems.push(
      "baseUrl: names a host more than once; cookies know no ports, so two of them would share one",
    );
  }
  return problems;
}

function oneBaseUrlProblems(url: URL): string[] {
  if (!/^https?:$/.test(url.protocol)) {
    return [
      `baseUrl: must be https; http works on localhost and loopback addresses only; this begins with ${url.protocol}, so write it like https://shop.example or http://localhost:3000`,
    ];
  }
  const problems: string[] = [];
  if (url.href !== url.origin + url.pathname || !BASE_PATH.test(url.pathname)) {
    problems.push(
      `baseUrl: must be an origin such as ${url.origin}, or one with a plain path such as ${url.origin}/shop`,
    );
  }
  if (url.protocol !== "https:" && !isLoopbackHttp(url)) {
    problems.push(
      "baseUrl: must be https; http works on localhost and loopback addresses only",
    );
  }
  return problems;
}

/** The path prefix of an address, without a slash at its end. */
export function basePathOf({ pathname }: URL): string {
  return pathname.replace(/\/$/, "");
}

function localPathProblems(values: Partial<ApplicationConfig>): string[] {
  const { defaultReturnTo, postLogoutReturnTo, paths } = values;
  const problems: string[] = [];
  for (const [option, value] of Object.entries({
    defaultReturnTo,
    postLogoutReturnTo,
  })) {
    if (value !== undefined && localPath(value) === undefined) {
      problems.push(`${option}: must be a path on this application`);
    }
  }
  const used = Object.values(paths ?? {});
  if (new Set(used).size < used.length) {
    problems.push("paths: two endpoints have the same path");
  }
  return problems;
}
