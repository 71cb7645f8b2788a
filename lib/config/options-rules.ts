/** What options must fulfil beyond their shape. */
import { parseUrl } from "../base/parse-url.js";
import { resourceUrlProblems } from "../base/resource-url.js";
import { defaultCookieName, isKitCookie } from "../base/cookie-names.js";
import { isLoopback, isLoopbackHttp } from "../base/loopback.js";
import type { LoginKitOptions } from "./options.js";
import { localPath } from "../base/return-to.js";

/** Options of which some may be missing because their shape was wrong. */
export type CheckableOptions = {
  readonly [Name in keyof LoginKitOptions]?: LoginKitOptions[Name] | undefined;
};

/** What the kit sends itself; an app that sets one of these breaks the flow. */
const OWN_PARAMETERS = new Set([
  "client_id",
  "client_secret",
  "redirect_uri",
  "response_type",
  "response_mode",
  "state",
  "nonce",
  "code_challenge",
  "code_challenge_method",
  "scope",
  "request",
  "request_uri",
]);

/** What makes client authentication functions, by name. Uncalled, it would authenticate nobody. */
const UNCALLED = new Map([
  ["ClientSecretBasic", "ClientSecretBasic(secret)"],
  ["ClientSecretJwt", "ClientSecretJwt(secret)"],
  ["ClientSecretPost", "ClientSecretPost(secret)"],
  ["None", "None()"],
  ["PrivateKeyJwt", "PrivateKeyJwt(key)"],
]);

/** Headers that no option passes on: credentials, who the client is, one hop only, CORS. */
const NEVER_PASSED =
  /^(?:authorization|dpop|cookie2?|set-cookie2?|host|origin|forwarded|x-forwarded-.*|x-real-ip|x-client-ip|x-user-.*|x-csrf-protection|x-login-kit|proxy-.*|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|www-authenticate|access-control-.*|sec-.*|clear-site-data|strict-transport-security|content-security-policy|cache-control|vary|traceparent|tracestate)$/i;

/** Where the application runs. */
export interface Environment {
  /** `NODE_ENV`. */
  readonly nodeEnv: string | undefined;
}

/**
 * Whether strangers may see what developers see, and logins may be kept in the
 * process: only where `NODE_ENV` says so, or where nobody else can come.
 */
export function isDevelopment(
  baseUrl: string,
  { nodeEnv }: Environment,
): boolean {
  if (nodeEnv === "production") return false;
  if (nodeEnv === "development" || nodeEnv === "test") return true;
  const url = parseUrl(baseUrl);
  return url !== undefined && isLoopback(url);
}

/** Whether a header, by its name, is never passed on to or from a resource server. */
export function isNeverPassed(header: string): boolean {
  return NEVER_PASSED.test(header);
}

/** Every rule that the options break, as lines for people. */
export function brokenRules(
  options: CheckableOptions,
  environment: Environment,
): string[] {
  return [
    ...baseUrlProblems(options),
    ...providerProblems(options),
    ...timeoutProblems(options),
    ...resourceServerProblems(options),
    ...parameterProblems(options),
    ...acrProblems(options),
    ...localPathProblems(options),
    ...storeProblems(options, environment),
  ];
}

function baseUrlProblems({ baseUrl }: CheckableOptions): string[] {
  if (baseUrl === undefined) return [];
  const url = parseUrl(baseUrl);
  if (url === undefined) return ["baseUrl: must be an absolute URL"];
  const problems: string[] = [];
  if (url.href !== `${url.origin}/`) {
    problems.push(
      `baseUrl: must be an origin such as ${url.origin}; put a path prefix into the option paths`,
    );
  }
  if (url.protocol !== "https:" && !isLoopbackHttp(url)) {
    problems.push(
      "baseUrl: must be https; http works on localhost and loopback addresses only",
    );
  }
  return problems;
}

function providerProblems(values: CheckableOptions): string[] {
  const { issuer, clientSecret, clientAuth, idTokenSigningAlg, scope } = values;
  const problems: string[] = [];
  if (issuer !== undefined) {
    const url = parseUrl(issuer);
    if (url === undefined) problems.push("issuer: must be an absolute URL");
    else {
      problems.push(...httpsProblems("issuer", url, values));
      if (hasMore(url)) {
        problems.push("issuer: must have no query, fragment or user name");
      }
      if (url.pathname.includes("/.well-known/")) {
        problems.push(
          "issuer: must be the issuer, not the address of its metadata",
        );
      }
    }
  }
  if (clientSecret === undefined && typeof clientAuth === "string") {
    problems.push(
      "clientSecret: is missing; set it, or set clientAuth: PrivateKeyJwt(key) or, for a public client, None(), both of this package",
    );
  }
  if (typeof clientAuth === "function") {
    const call = UNCALLED.get(clientAuth.name);
    if (call !== undefined) {
      problems.push(`clientAuth: must be called: write ${call}`);
    }
  }
  if (clientSecret === undefined && idTokenSigningAlg?.startsWith("HS")) {
    problems.push("idTokenSigningAlg: HS algorithms need clientSecret");
  }
  if (scope !== undefined && !scope.split(" ").includes("openid")) {
    problems.push("scope: must contain openid");
  }
  return problems;
}

function timeoutProblems({ session }: CheckableOptions): string[] {
  const { idleTimeoutSeconds = 0, absoluteTimeoutSeconds = Infinity } =
    session ?? {};
  return idleTimeoutSeconds > absoluteTimeoutSeconds
    ? [
        "session.idleTimeoutSeconds: must not be larger than absoluteTimeoutSeconds",
      ]
    : [];
}

function resourceServerProblems(values: CheckableOptions): string[] {
  const problems: string[] = [];
  for (const [name, server] of Object.entries(values.resourceServers ?? {})) {
    const option = `resourceServers.${name}`;
    const url = parseUrl(server.url);
    problems.push(
      ...(url === undefined
        ? [`${option}.url: must be an absolute URL`]
        : [
            ...httpsProblems(`${option}.url`, url, values),
            ...resourceUrlProblems(name, values.resourceServers ?? {}),
          ]),
    );
    for (const list of ["requestHeaders", "responseHeaders"] as const) {
      const kept = (server[list] ?? []).filter(isNeverPassed);
      if (kept.length > 0) {
        problems.push(
          `${option}.${list}: ${kept.join(", ")} cannot be passed on: it carries credentials, says who the client is, or belongs to one connection`,
        );
      }
    }
    const own = (server.cookies ?? []).filter((cookie) =>
      isOwnCookie(cookie, values),
    );
    if (own.length > 0) {
      problems.push(
        `${option}.cookies: ${own.join(", ")} is a cookie of the kit; a resource server could sign the browser in as somebody else`,
      );
    }
    // RFC 8707 section 2: an absolute URI without a fragment.
    const { resource } = server;
    if (
      resource !== undefined &&
      (parseUrl(resource) === undefined || resource.includes("#"))
    ) {
      problems.push(
        `${option}.resource: must be an absolute URI without a fragment`,
      );
    }
  }
  return problems;
}

/** One of the kit's cookies; with every prefix, and in any case, which browsers tell apart and proxies may not. */
function isOwnCookie(
  name: string,
  { session, baseUrl = "" }: CheckableOptions,
): boolean {
  const plain = name.toLowerCase().replace(/^__(?:host|secure)-/, "");
  const own = session?.cookieName ?? defaultCookieName(baseUrl);
  return isKitCookie(plain, own.toLowerCase());
}

function parameterProblems(values: CheckableOptions): string[] {
  const problems: string[] = [];
  const { authorizationParameters = {}, loginParameters = [] } = values;
  for (const name of Object.keys(authorizationParameters)) {
    if (OWN_PARAMETERS.has(name)) {
      problems.push(
        `authorizationParameters.${name}: is set by the kit and cannot be changed here`,
      );
    }
  }
  const maxAge = authorizationParameters["max_age"];
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) {
    problems.push("authorizationParameters.max_age: must be whole seconds");
  }
  for (const name of loginParameters) {
    if (OWN_PARAMETERS.has(name) || name === "return_to") {
      problems.push(
        `loginParameters: ${name} cannot be left to whoever makes the link`,
      );
    }
  }
  return problems;
}

function acrProblems({ acrOrder = [] }: CheckableOptions): string[] {
  const twice = acrOrder.filter((acr, at) => acrOrder.indexOf(acr) < at);
  return twice.length === 0
    ? []
    : [`acrOrder: ${[...new Set(twice)].join(", ")} comes more than once`];
}

function localPathProblems(values: CheckableOptions): string[] {
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

function storeProblems(
  { redis, store, baseUrl }: CheckableOptions,
  environment: Environment,
): string[] {
  if (redis !== undefined && store !== undefined) {
    return ["store: is in place of redis; hand over one of them"];
  }
  if (redis !== undefined || store !== undefined) return [];
  const missing =
    "redis: is missing. The embedded store loses every login at a restart and cannot be shared, so it is refused";
  if (environment.nodeEnv === "production") {
    return [
      `${missing} when NODE_ENV=production; hand over a node-redis client`,
    ];
  }
  if (baseUrl === undefined || isDevelopment(baseUrl, environment)) return [];
  return [
    `${missing} where others reach baseUrl; hand over a node-redis client, or set NODE_ENV=development`,
  ];
}

/** Query, fragment, user name or password. */
function hasMore(url: URL): boolean {
  return `${url.search}${url.hash}${url.username}${url.password}` !== "";
}

function httpsProblems(
  option: string,
  url: URL,
  values: CheckableOptions,
): string[] {
  if (url.protocol === "https:" || isLoopbackHttp(url)) return [];
  if (url.protocol === "http:" && values.dangerouslyAllowInsecureRequests) {
    return [];
  }
  return [
    `${option}: must be https; http works on loopback addresses, elsewhere only with dangerouslyAllowInsecureRequests`,
  ];
}
