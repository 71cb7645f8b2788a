/** Checks the options of `redisClient`. */
import { z } from "zod";
import { checked, membersOf } from "../base/checked.js";

const text = z.string("must be a text").min(1, "must not be empty");

const LOCATIONS = ["url", "sentinel", "cluster"] as const;

const OPTIONS = membersOf({
  url: text
    .regex(/^rediss?:\/\//, "must begin with redis:// or rediss://")
    .optional(),
  sentinel: membersOf({
    name: text,
    nodes: z
      .array(
        membersOf({
          host: text,
          port: z.int("must be a port number").min(1).max(65_535),
        }),
        "must be a list of { host, port }",
      )
      .min(1, "must name a sentinel"),
  }).optional(),
  cluster: membersOf({
    urls: z
      .array(
        text.regex(/^rediss?:\/\//, "must begin with redis:// or rediss://"),
        "must be a list of URLs",
      )
      .min(1, "must name a node"),
  }).optional(),
  options: membersOf({
    username: text.optional(),
    password: z.string("must be a text").optional(),
    socket: membersOf({
      tls: z.boolean("must be true or false").optional(),
      ca: text.optional(),
    }).optional(),
  }).optional(),
  onError: z
    .custom((value) => typeof value === "function", "must be a function")
    .optional(),
  connectSeconds: z
    .number("must be a number of seconds")
    .min(0, "must not be negative")
    .max(300, "must be at most 300")
    .optional(),
}).refine(
  (options) =>
    LOCATIONS.filter((name) => options[name] !== undefined).length === 1,
  "must have one of url, sentinel and cluster, which is not undefined",
);

/** @throws {ConfigError} that lists every wrong option of `redisClient` */
export function checkRedisOptions(options: unknown): void {
  checked("redisClient", "options", OPTIONS, options);
}
