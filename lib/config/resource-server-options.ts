/** Options about resource servers: what they are, may be, and are by default. */
import * as z from "zod";
import { membersOf } from "../base/checked.js";
import { isKitCookie } from "../base/cookie-names.js";
import { parseUrl } from "../base/parse-url.js";
import { resourceUrlProblems } from "../base/resource-url.js";
import { httpsProblems } from "./addresses.js";
import { flag, seconds, text, texts } from "./option-values.js";
import type { Filled, Shape } from "./read-options.js";

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
   * Names of the providers whose users' tokens are for this server, where there
   * are several. Default: all. Others get `ERR_RESOURCE_NOT_ALLOWED`, and are
   * asked for no token with `resource`.
   */
  readonly providers?: readonly string[];
  /**
   * How tokens that are bound to a key (the provider's option
   * `senderConstrained`) are put on requests. `always`: with a proof. `never`: as
   * `Bearer`, for a server that does not know DPoP (RFC 9449 7.2). `auto`: with a
   * proof, and as `Bearer` once the server has refused that and named no DPoP.
   * Default: as the provider's option has it.
   */
  readonly senderConstrained?: "auto" | "always" | "never";
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

/** Options about what access tokens are for. */
export interface TokenOptions {
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

type ServerValues = Filled<
  ResourceServerOptions,
  | "resource"
  | "scope"
  | "providers"
  | "senderConstrained"
  | "totalTimeoutSeconds"
  | "circuitBreaker"
>;

/** {@link TokenOptions} whose shape is right. */
export type TokenValues = Omit<Filled<TokenOptions>, "resourceServers"> & {
  readonly resourceServers: Readonly<Record<string, ServerValues>>;
};

/** A resource server after checking. */
export interface ResourceServer extends Omit<ServerValues, "url" | "cookies"> {
  readonly name: string;
  readonly url: URL;
  readonly cookies: ReadonlySet<string>;
}

/** Headers that no option passes on: credentials, who the client is, one hop only, CORS. */
const NEVER_PASSED =
  /^(?:authorization|dpop|cookie2?|set-cookie2?|host|origin|forwarded|x-forwarded-.*|x-real-ip|x-client-ip|x-user-.*|x-csrf-protection|x-login-kit|proxy-.*|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|www-authenticate|access-control-.*|sec-.*|clear-site-data|strict-transport-security|content-security-policy|cache-control|vary|traceparent|tracestate)$/i;

const headerNames = z.array(
  z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, "must be names of headers")
    .transform((name) => name.toLowerCase()),
);

/** What they may be. */
export const tokenShape: Shape<TokenValues> = {
  resourceServers: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9_-]+$/, "names may hold letters, digits, - and _"),
      membersOf({
        url: text,
        resource: text.optional(),
        scope: text.optional(),
        tokenExchange: flag(false),
        providers: texts.min(1, "must not be empty").optional(),
        senderConstrained: z.enum(["auto", "always", "never"]).optional(),
        timeoutSeconds: seconds(30, 3600),
        totalTimeoutSeconds: z.number().positive().max(86_400).optional(),
        maxConnections: z.int().min(1).max(10_000).default(128),
        maxRequestsPerLogin: z.int().min(1).max(10_000).default(256),
        requestHeaders: headerNames.default([]),
        responseHeaders: headerNames.default([]),
        cookies: texts.default([]),
        tellClientAddress: flag(false),
        allowSemicolonsInPaths: flag(false),
        allowEncodedSlashesInPaths: flag(false),
        circuitBreaker: membersOf({
          failures: z.int().min(1).max(1000),
          seconds: z.number().positive().max(3600),
        }).optional(),
      }),
    )
    .default({}),
  refreshLeewaySeconds: z.number().min(0).max(3600).default(30),
};

/** Whether a header, by its name, is never passed on to or from a resource server. */
export function isNeverPassed(header: string): boolean {
  return NEVER_PASSED.test(header);
}

/** The servers by name, as they are from now on. */
export function resourceServersOf(
  resourceServers: TokenValues["resourceServers"],
): ReadonlyMap<string, ResourceServer> {
  return new Map(
    Object.entries(resourceServers).map(([name, server]) => [
      name,
      Object.freeze({
        ...server,
        name,
        url: new URL(server.url),
        cookies: new Set(server.cookies),
      }),
    ]),
  );
}

/** What they must fulfil beyond that, as lines for people; some may be missing because their shape was wrong. */
export function tokenProblems(
  { resourceServers = {} }: Partial<TokenValues>,
  allowsInsecure: boolean,
  sessionCookie: string,
): string[] {
  return Object.entries(resourceServers).flatMap(([name, server]) => [
    ...urlProblems(name, resourceServers, allowsInsecure),
    ...passedProblems(name, server, sessionCookie),
  ]);
}

function urlProblems(
  name: string,
  servers: TokenValues["resourceServers"],
  allowsInsecure: boolean,
): string[] {
  const option = `resourceServers.${name}`;
  const { url: address = "", resource } = servers[name] ?? {};
  const url = parseUrl(address);
  const problems =
    url === undefined
      ? [`${option}.url: must be an absolute URL`]
      : [
          ...httpsProblems(`${option}.url`, url, allowsInsecure),
          ...resourceUrlProblems(name, servers),
        ];
  // RFC 8707 section 2: an absolute URI without a fragment.
  if (
    resource !== undefined &&
    (parseUrl(resource) === undefined || resource.includes("#"))
  ) {
    problems.push(
      `${option}.resource: must be an absolute URI without a fragment`,
    );
  }
  return problems;
}

function passedProblems(
  name: string,
  server: ServerValues,
  sessionCookie: string,
): string[] {
  const option = `resourceServers.${name}`;
  const problems: string[] = [];
  for (const list of ["requestHeaders", "responseHeaders"] as const) {
    const kept = server[list].filter(isNeverPassed);
    if (kept.length > 0) {
      problems.push(
        `${option}.${list}: ${kept.join(", ")} cannot be passed on: it carries credentials, says who the client is, or belongs to one connection`,
      );
    }
  }
  const own = server.cookies.filter((cookie) =>
    isOwnCookie(cookie, sessionCookie),
  );
  if (own.length > 0) {
    problems.push(
      `${option}.cookies: ${own.join(", ")} is a cookie of the kit; a resource server could sign the browser in as somebody else`,
    );
  }
  return problems;
}

/** One of the kit's cookies; with every prefix, and in any case, which browsers tell apart and proxies may not. */
function isOwnCookie(name: string, sessionCookie: string): boolean {
  const plain = name.toLowerCase().replace(/^__(?:host|secure)-/, "");
  return isKitCookie(plain, sessionCookie.toLowerCase());
}
