/** `express-login-kit doctor`: a right set-up, and mistakes that are planted one by one. */
import { execFile } from "node:child_process";
import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import express, { type RequestHandler, type Response } from "express";

import { examine } from "../../lib/cli/doctor.js";
import { isHealthy, type Finding } from "../../lib/cli/findings.js";
import { createLoginKit, type LoginKitOptions } from "../../lib/index.js";
import {
  redisClient,
  type ManagedRedisClient,
} from "../../lib/redis/redis-client.js";
import { listening } from "../../lib/testing/listening.js";
import {
  type LyingProvider,
  type Misbehaviour,
  startLyingProvider,
} from "../support/lying-provider.js";
import { clientAt, lyingKitOptions } from "../support/lying-world.js";
import { redisCommand } from "../support/redis-process.js";
import { startRedis, type RedisServer } from "../support/redis-server.js";
import { refusingPort } from "../support/refusing-port.js";

let server: RedisServer;
let redis: ManagedRedisClient;
let provider: LyingProvider;
let app: Awaited<ReturnType<typeof listening>>;

beforeAll(async () => {
  server = await startRedis();
  redis = await redisClient({ url: server.url, connectSeconds: 20 });
});
afterEach(async () => {
  await Promise.all([app.close(), provider.close()]);
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

/** What is planted; nothing: everything is right. */
interface Plant {
  readonly options?: (right: LoginKitOptions) => object;
  /** What the application runs with, where that is something else. */
  readonly running?: (right: LoginKitOptions) => object;
  readonly misbehave?: Misbehaviour;
  /** Mounted before the kit. */
  readonly before?: RequestHandler;
  readonly isMounted?: boolean;
  /** Whether the application is asked, too. */
  readonly asksApplication?: boolean;
  readonly redirectUris?: readonly string[];
}

/** What the doctor finds. */
async function find(plant: Plant = {}): Promise<readonly Finding[]> {
  app = await listening();
  const client = clientAt([app.url]);
  provider = await startLyingProvider({
    clients: [
      { ...client, redirectUris: plant.redirectUris ?? client.redirectUris },
    ],
    ...(plant.misbehave && { misbehave: plant.misbehave }),
  });
  const right = { ...lyingKitOptions(provider, app.url), redis };
  const running = express();
  running.set("env", "test");
  if (plant.before) running.use(plant.before);
  if (plant.isMounted !== false) {
    const options = plant.running?.(right) ?? right;
    running.use(createLoginKit(options as LoginKitOptions).routes);
  }
  app.serve(running);
  const asks = plant.asksApplication ?? "before" in plant;
  return examine({
    options: plant.options?.(right) ?? right,
    url: asks ? app.url : undefined,
    nodeEnv: "test",
  });
}

test("a right set-up has no error and no warning", async () => {
  const findings = await find({ asksApplication: true });
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(findings.filter(({ severity }) => severity === "warning")).toEqual([]);
  expect(isHealthy(findings)).toBe(true);
  expect([...new Set(findings.map(({ check }) => check))]).toEqual(
    expect.arrayContaining([
      ...["shape", "cookies", "discovery", "keys", "clock", "redirect URI"],
      ...["client authentication", "logout URI", "permissions", "version"],
      ...["mounting", "caching", "sign-in", "sign-out"],
    ]),
  );
});

test("nothing is left in Redis, and nobody is signed in", async () => {
  await find();
  expect(provider.sessions.size).toBe(0);
  const own = ["KEYS", "*doctor*"];
  const keys = (await redisCommand(server.url, own)) as string[];
  // What is left of a group ends by itself.
  const lifetimes = keys.map((key) => redisCommand(server.url, ["TTL", key]));
  for (const seconds of await Promise.all(lifetimes)) {
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(seconds).toBeLessThanOrEqual(10);
  }
});

/** Changes the headers as a proxy would, when the application has set them. */
function atTheEnd(res: Response, change: () => void): void {
  const writeHead = res.writeHead.bind(res) as (
    ...given: unknown[]
  ) => Response;
  res.writeHead = (...given: unknown[]) => {
    change();
    return writeHead(...given);
  };
}

const metadata = (change: object): Misbehaviour => ({
  metadata: (right) => ({ ...right, ...change }),
});

// What is planted, the check that finds it, what it says, and what to change.
test.each<[string, Plant, string, string, string]>([
  [
    "an option that is misspelt",
    { options: ({ ...right }) => ({ ...right, sesion: {} }) },
    "shape",
    "did you mean session?",
    "Correct the option",
  ],
  [
    "an environment variable that is not set",
    { options: (right) => ({ ...right, issuer: undefined }) },
    "shape",
    "issuer: is undefined (an environment variable that is not set?)",
    "Correct the option",
  ],
  [
    "a session secret that is short",
    { options: (right) => ({ ...right, session: { secret: "short" } }) },
    "shape",
    "session.secret",
    "Correct the option",
  ],
  [
    "another issuer than the provider's",
    { misbehave: metadata({ issuer: "https://op.example/realms/shop" }) },
    "discovery",
    "https://op.example/realms/shop",
    "Set the option issuer to exactly the issuer",
  ],
  [
    "another signature than the provider's",
    {
      misbehave: metadata({ id_token_signing_alg_values_supported: ["ES512"] }),
    },
    "algorithm",
    "the provider offers ES512",
    "Set idTokenSigningAlg",
  ],
  [
    "keys of another kind",
    { misbehave: { jwks: () => [] } },
    "keys",
    "none of the published keys",
    "Set idTokenSigningAlg",
  ],
  [
    "a wrong secret",
    { options: (right) => ({ ...right, clientSecret: "not the secret" }) },
    "client authentication",
    "the provider refuses the client",
    "Compare clientId and clientSecret",
  ],
  [
    "a wrong client id",
    { options: (right) => ({ ...right, clientId: "shop-of-another" }) },
    "client authentication",
    "the provider refuses the client",
    "Compare clientId and clientSecret",
  ],
  [
    "another way to authenticate than is registered",
    {
      misbehave: {
        intercept(req, res, next) {
          const isBasic = req.headers.authorization !== undefined;
          if (req.path !== "/token" || !isBasic) next();
          else res.status(401).json({ error: "invalid_client" });
        },
      },
    },
    "client authentication",
    "and takes it by client_secret_post",
    'Set clientAuth: "client_secret_post"',
  ],
  [
    "a redirect URI that is not registered",
    { redirectUris: ["https://shop.example/callback"] },
    "redirect URI",
    "/callback",
    "as redirect URI of this client, letter by letter",
  ],
  [
    "a provider that has no logout",
    { misbehave: metadata({ end_session_endpoint: undefined }) },
    "logout",
    "no end_session_endpoint",
    "Set endSessionUrl",
  ],
  [
    "a provider whose clock is wrong",
    {
      misbehave: {
        intercept(_req, res, next) {
          res.set("Date", new Date(Date.now() - 3_600_000).toUTCString());
          next();
        },
      },
    },
    "clock",
    "behind this one, and clockToleranceSeconds is 30",
    "by NTP",
  ],
  [
    "no refresh token where resource servers need one",
    {
      options: (right) => ({
        ...right,
        resourceServers: {
          orders: { url: "http://127.0.0.1:9/v1", resource: "urn:orders" },
        },
      }),
    },
    "scope",
    "scope has no offline_access",
    "Add offline_access",
  ],
  [
    "no Redis",
    { options: ({ ...right }) => ({ ...right, redis: undefined }) },
    "store",
    "logins are kept in the process",
    "Hand over a Redis client",
  ],
  [
    "kit.routes that is forgotten",
    { isMounted: false, asksApplication: true },
    "mounting",
    "/session is answered by 404",
    "Mount app.use(kit.routes) at the root",
  ],
  [
    "a guard before kit.routes",
    {
      before: (req, res, next) => {
        if (req.path === "/healthz") next();
        else res.redirect(303, "/login");
      },
    },
    "mounting",
    "answered by 303 to /login",
    "Mount app.use(kit.routes) before your guards",
  ],
  [
    "CSRF middleware before the kit",
    {
      before: (req, res, next) => {
        if (req.method === "POST") res.status(403).send("bad csrf token");
        else next();
      },
    },
    "sign-out",
    "POST /logout is answered by 403",
    "mount kit.routes first",
  ],
  [
    "a proxy that makes answers cacheable",
    {
      before: (_req, res, next) => {
        atTheEnd(res, () => {
          res.setHeader("Cache-Control", "public, max-age=600");
        });
        next();
      },
    },
    "caching",
    "Cache-Control: public",
    "a proxy, a CDN",
  ],
  [
    "a proxy that takes cookies away",
    {
      before: (_req, res, next) => {
        atTheEnd(res, () => {
          res.removeHeader("Set-Cookie");
        });
        next();
      },
    },
    "cookies",
    "sets no cookie",
    "takes Set-Cookie away",
  ],
  [
    "an application that runs with another baseUrl",
    {
      asksApplication: true,
      running: (right) => ({ ...right, baseUrl: "http://localhost:1" }),
    },
    "sign-in",
    "the application sends http://localhost:1/callback as redirect URI",
    "Give both the same baseUrl",
  ],
])("%s is found", async (_what, plant, check, cause, remedy) => {
  const findings = await find(plant);
  const found = findings.filter(
    (one) =>
      one.check === check &&
      (one.severity === "error" || one.severity === "warning"),
  );
  expect(found).not.toEqual([]);
  expect(found.map((one) => one.cause).join()).toContain(cause);
  expect(found.map((one) => one.remedy).join()).toContain(remedy);
});

test("a provider that is away is told as such", async () => {
  const away = await listening();
  await away.close();
  const held = await refusingPort(away.url);
  const findings = await find({
    options: (right) => ({ ...right, issuer: away.url }),
  });
  expect(findings).toContainEqual(
    expect.objectContaining({
      check: "discovery",
      severity: "error",
      cause: expect.stringContaining(away.url),
    }),
  );
  await held.close();
});

test("Redis: a limit with eviction, and a user who may not run scripts", async () => {
  await redisCommand(server.url, ["CONFIG", "SET", "maxmemory", "100mb"]);
  await redisCommand(server.url, [
    "CONFIG",
    "SET",
    "maxmemory-policy",
    "allkeys-lru",
  ]);
  const evicting = await find();
  expect(evicting).toContainEqual(
    expect.objectContaining({
      check: "eviction",
      severity: "error",
      remedy: "Set maxmemory-policy noeviction, and watch the memory",
    }),
  );
  await redisCommand(server.url, ["CONFIG", "SET", "maxmemory", "0"]);
  await Promise.all([app.close(), provider.close()]);
  await redisCommand(server.url, [
    "ACL",
    "SETUSER",
    "weak",
    "on",
    ">weak",
    "~*",
    "&*",
    "+@all",
    "-eval",
  ]);
  const url = server.url.replace("redis://", "redis://weak:weak@");
  const weak = await redisClient({ url });
  const findings = await find({
    options: (right) => ({ ...right, redis: weak }),
  });
  await weak.close();
  expect(findings).toContainEqual(
    expect.objectContaining({
      check: "permissions",
      severity: "error",
      cause: expect.stringContaining("may not write a record"),
    }),
  );
});

test("the command: text, JSON, exit codes, options of a module and of the environment", async () => {
  await find();
  const folder = mkdtempSync(join(tmpdir(), "doctor-"));
  const module = join(folder, "options.mjs");
  const options = lyingKitOptions(provider, app.url);
  writeFileSync(module, `export const options = ${JSON.stringify(options)};`);
  const environment = {
    OIDC_ISSUER: options.issuer,
    OIDC_CLIENT_ID: options.clientId,
    OIDC_CLIENT_SECRET: options.clientSecret,
    BASE_URL: options.baseUrl,
    SESSION_SECRET: options.session.secret,
    REDIS_URL: server.url,
  };
  const run = async (
    given: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) => {
    const main = "dist/bundle/cli/main.js";
    try {
      const done = await promisify(execFile)(
        process.execPath,
        [main, ...given],
        { env: { PATH: process.env["PATH"] ?? "", ...env } },
      );
      return { code: 0, ...done };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  };
  const [ofModule, ofEnvironment, wrong, unknown, help] = await Promise.all([
    run(["doctor", module, "--url", app.url]),
    run(["doctor", "--json"], environment),
    run(["doctor", "--json"], { ...environment, OIDC_CLIENT_SECRET: "wrong" }),
    run(["examine"]),
    run(["--help"]),
  ]);
  const secret = app.url.replace("//", "//user:hidden@");
  const withPassword = await run(["doctor", module, "--url", secret]);
  expect(withPassword.code).toBe(2);
  expect(withPassword.stdout + withPassword.stderr).not.toContain("hidden");
  expect(ofModule).toMatchObject({ code: 0 });
  expect(ofModule.stdout).toContain("✓ provider default, discovery");
  expect(ofModule.stdout).toMatch(/\n0 errors, 1 warnings, /);
  expect(JSON.parse(ofEnvironment.stdout)).toMatchObject({ healthy: true });
  expect(ofEnvironment.stdout).toContain('"check": "version"');
  expect(wrong.code).toBe(1);
  expect(JSON.parse(wrong.stdout)).toMatchObject({ healthy: false });
  expect(wrong.stdout).not.toContain(options.session.secret);
  expect([unknown.code, unknown.stderr]).toEqual([
    2,
    expect.stringContaining("no command examine"),
  ]);
  expect(help).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("express-login-kit doctor"),
  });
  rmSync(folder, { recursive: true });
});
