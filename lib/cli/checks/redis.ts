/** Whether Redis does what the kit asks of it, and keeps what it is given. */
import { randomUUID } from "node:crypto";
import type { Config } from "../../config/config.js";
import { createRedisDriver } from "../../stores/redis/redis-driver.js";
import type { RedisClient } from "../../stores/redis/redis-command.js";
import { failureFinding } from "../failure-finding.js";
import type { Finding } from "../findings.js";

const LINK = "docs/redis.md";

/** Answers that take longer on the way are worth a look, in milliseconds. */
const SLOW_MS = 5;

/** How often the latency is measured. */
const ROUNDS = 20;

const SUBJECT = "redis";

/** Looks at the Redis of a configuration; without one there is nothing to see. */
export async function checkRedis(config: Config): Promise<readonly Finding[]> {
  const { redis } = config;
  if (redis === undefined) return [];
  const permissions = await tryOut(redis, config);
  const isAway = permissions.some(({ check }) => check === "connection");
  return isAway ? permissions : [...permissions, ...(await server(redis))];
}

/** Every kind of command that the kit sends, with keys of its own that end by themselves. */
async function tryOut(
  redis: RedisClient,
  { keyPrefix, storeTimeoutSeconds }: Config,
): Promise<Finding[]> {
  const driver = createRedisDriver(redis, storeTimeoutSeconds);
  const place = `${keyPrefix}{doctor-${randomUUID()}}`;
  const record = `${place}:record`;
  const group = { members: `${place}:members`, note: `${place}:note` };
  const lifetimeMs = 10_000;
  const session = `${place}:session`;
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    "read a record": () => driver.read(record, ["a"]),
    "write a record": () =>
      driver.decide([
        { when: [], then: [{ set: record, fields: { a: "1" }, lifetimeMs }] },
      ]),
    "enter a group": () =>
      driver.enter(group, {
        member: "a",
        endsAt: Date.now() + lifetimeMs,
        now: Date.now(),
        lifetimeMs,
        want: ["at"],
      }),
    "note something about a group": () =>
      driver.note(group, { at: 1 }, lifetimeMs),
    "list a group": () => driver.members(group),
    "leave a group": () => driver.leave(group, "a"),
    "delete a record": () =>
      driver.decide([{ when: [], then: [{ delete: record }] }]),
    "write a session": () =>
      redis.set(session, "1", { expiration: { type: "EX", value: 10 } }),
    "read a session": () => redis.get(session),
    "delete a session": () => redis.del([session]),
  };
  const taken: number[] = [];
  const refused: Finding[] = [];
  for (const [what, step] of Object.entries(steps)) {
    const begun = performance.now();
    try {
      await step();
      taken.push(performance.now() - begun);
    } catch (error) {
      const { message } = error instanceof Error ? error : new Error("");
      if (!/NOPERM|no permissions/i.test(message)) {
        return [
          failureFinding(error, { check: "connection", subject: SUBJECT }),
        ];
      }
      refused.push({
        check: "permissions",
        subject: SUBJECT,
        severity: "error",
        cause: `the kit may not ${what}: ${message}`,
        remedy: `Give this user of Redis the commands and keys that docs/redis.md lists; keys begin with ${keyPrefix}`,
        link: LINK,
      });
    }
  }
  return refused.length > 0
    ? refused
    : [
        {
          check: "permissions",
          subject: SUBJECT,
          severity: "ok",
          cause: "every command of the kit is allowed",
        },
      ];
}

/** What the server says of itself. */
async function server(redis: RedisClient): Promise<Finding[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = performance.now();
    await redis.get("login-kit-doctor");
    times.push(performance.now() - begun);
  }
  const median = times.sort((a, b) => a - b)[ROUNDS / 2] ?? 0;
  const told = `half of ${String(ROUNDS)} commands took at most ${median.toFixed(1)} ms`;
  const findings: Finding[] = [
    median <= SLOW_MS
      ? { check: "latency", subject: SUBJECT, severity: "ok", cause: told }
      : {
          check: "latency",
          subject: SUBJECT,
          severity: "warning",
          cause: told,
          remedy:
            "Every guarded request waits for one command: bring Redis and the application into one network",
          link: LINK,
        },
  ];
  const info = await infoOf(redis);
  if (info === undefined) {
    return [
      ...findings,
      {
        check: "server",
        subject: SUBJECT,
        severity: "note",
        cause:
          "the server's INFO cannot be read by this client, so version, eviction and persistence were not looked at",
      },
    ];
  }
  return [...findings, version(info), eviction(info), persistence(info)];
}

function version(info: ReadonlyMap<string, string>): Finding {
  const told = info.get("redis_version") ?? "";
  const [major = 0, minor = 0] = told.split(".").map(Number);
  const where = { check: "version", subject: SUBJECT } as const;
  return major > 6 || (major === 6 && minor >= 2)
    ? { ...where, severity: "ok", cause: told }
    : {
        ...where,
        severity: "error",
        cause: `this is ${told}`,
        remedy: "Redis 6.2 or later is needed",
        link: LINK,
      };
}

function eviction(info: ReadonlyMap<string, string>): Finding {
  const policy = info.get("maxmemory_policy") ?? "";
  const isBounded = (info.get("maxmemory") ?? "0") !== "0";
  const where = { check: "eviction", subject: SUBJECT } as const;
  if (policy === "noeviction" || !isBounded) {
    return {
      ...where,
      severity: "ok",
      cause: `${policy}${isBounded ? "" : ", and no limit of memory"}`,
    };
  }
  return {
    ...where,
    severity: "error",
    cause: `maxmemory-policy is ${policy}: a full Redis throws logins away`,
    remedy: "Set maxmemory-policy noeviction, and watch the memory",
    link: LINK,
  };
}

function persistence(info: ReadonlyMap<string, string>): Finding {
  const isAppended = info.get("aof_enabled") === "1";
  const where = { check: "persistence", subject: SUBJECT } as const;
  return isAppended
    ? { ...where, severity: "ok", cause: "writes are appended to a file" }
    : {
        ...where,
        severity: "note",
        cause:
          "appendonly is off: a restart of Redis forgets the last writes, or signs everybody out",
        remedy: "Set appendonly yes, if logins are to survive a restart",
        link: LINK,
      };
}

/** INFO as names and values; undefined: it cannot be read. */
async function infoOf(
  redis: RedisClient,
): Promise<ReadonlyMap<string, string> | undefined> {
  const { info } = redis as { readonly info?: () => Promise<unknown> };
  if (info === undefined) return undefined;
  let text: unknown;
  try {
    text = await info.call(redis);
  } catch {
    return undefined;
  }
  if (typeof text !== "string") return undefined;
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(":"))
      .map((line) => line.split(/:(.*)/s, 2) as [string, string]),
  );
}
