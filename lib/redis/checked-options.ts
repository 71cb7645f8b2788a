/** Checks the options of `redisClient`. */
import * as z from "zod";
import { checked, membersOf } from "../base/checked.js";
import type { RedisConnectionOptions } from "./redis-options.js";

const text = z.string("must be a text").min(1, "must not be empty");

const pem = z.custom(
  (value) =>
    (typeof value === "string" || Buffer.isBuffer(value)) && value.length > 0,
  "must be a text or Buffer in PEM",
);

const URL_FORM =
  "must be like redis://host:6379, or with TLS rediss://user:password@host:6379";
const url = z
  .string({
    error: ({ input }) =>
      input === undefined ? `is missing; ${URL_FORM}` : URL_FORM,
  })
  .refine(isRedisUrl, URL_FORM)
  .refine(
    hasReadableCredentials,
    "has a user name or password that is not percent-encoded as encodeURIComponent does it",
  );

// Members are exactOptional: one that is there and undefined is a variable that
// was not set. A `ca` that is missing must not switch TLS off.
const TLS = membersOf({
  tls: z.literal(true, "must be true, or left out").exactOptional(),
  ca: z
    .union(
      [pem, z.array(pem).min(1)],
      "must be a text or Buffer in PEM, or a list of them",
    )
    .exactOptional(),
  cert: pem.exactOptional(),
  key: pem.exactOptional(),
  passphrase: text.exactOptional(),
  servername: text.exactOptional(),
}).refine(
  ({ cert, key }) => (cert === undefined) === (key === undefined),
  "cert and key go together",
);

const ACCESS = membersOf({
  username: text.exactOptional(),
  password: text.exactOptional(),
  socket: TLS.exactOptional(),
});

const SENTINEL = membersOf({
  name: text,
  nodes: z
    .array(
      membersOf({
        host: text,
        port: z
          .int("must be a port number")
          .min(1, "must be a port number")
          .max(65_535, "must be a port number"),
      }),
      "must be a list of { host, port }",
    )
    .min(1, "must name a sentinel"),
  options: ACCESS.exactOptional(),
});

const CLUSTER = membersOf({
  urls: z
    .array(url, "must be a list of URLs")
    .min(1, "must name a node")
    .refine(
      sameAccess,
      "differ in scheme, user name or password; all nodes of a Cluster are reached in one way: give every URL the same, or none and use options",
    ),
});

const LOCATIONS = ["url", "sentinel", "cluster"] as const;

const OPTIONS = membersOf({
  url: url.exactOptional(),
  sentinel: SENTINEL.exactOptional(),
  cluster: CLUSTER.exactOptional(),
  options: ACCESS.exactOptional(),
  onError: z
    .custom((value) => typeof value === "function", "must be a function")
    .exactOptional(),
  connectSeconds: z
    .number("must be a number of seconds")
    .min(0, "must not be negative")
    .max(300, "must be at most 300")
    .exactOptional(),
})
  .refine(
    (options) => LOCATIONS.filter((name) => name in options).length === 1,
    "must have one of url, sentinel and cluster",
  )
  .refine(
    ({ url, cluster, options }) =>
      options?.socket === undefined ||
      [url ?? [], cluster?.urls ?? []].flat().every(isEncrypted),
    "socket is for TLS: a URL beside it must begin with rediss://",
  );

/**
 * A copy of the options.
 *
 * @throws {ConfigError} that lists what is wrong, without the values: they may be secret.
 */
export function checkedOptions(options: unknown): RedisConnectionOptions {
  return checked(
    "redisClient",
    "options",
    OPTIONS,
    options,
  ) as RedisConnectionOptions;
}

function isRedisUrl(value: string): boolean {
  return URL.canParse(value) && /^rediss?:$/.test(new URL(value).protocol);
}

function isEncrypted(value: string): boolean {
  return value.startsWith("rediss:");
}

function hasReadableCredentials(value: string): boolean {
  if (!isRedisUrl(value)) return true;
  const { username, password } = new URL(value);
  return !/%(?![\dA-F]{2})/i.test(username + password);
}

function sameAccess(urls: readonly string[]): boolean {
  const ways = urls.filter(isRedisUrl).map((value) => {
    const { protocol, username, password } = new URL(value);
    return [protocol, username, password].join(" ");
  });
  return new Set(ways).size <= 1;
}
