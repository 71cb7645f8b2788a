import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient } from "redis";

import { createOrdersApi } from "../../demo-app/orders-api.js";
import { freePort } from "../support/free-port.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import { createTestBrowser } from "../support/test-browser.js";
import {
  answerOf,
  CLIENT_SECRET,
  kitOptions,
  listening,
  ORDERS_RESOURCE,
  type ProviderParty,
  signInAsPerson,
  startProvider,
} from "../support/world.js";

/** Everything secret that went over a wire, by what it is. */
const secrets = new Map<string, string>();
/** What Redis held after each step: every key and every value. */
const snapshots = new Map<string, Buffer>();
let output = "";
let redis: RedisServer;
let app: ChildProcess;

beforeAll(async () => {
  redis = await startRedis();
  const appUrl = `http://127.0.0.1:${String(await freePort())}`;
  const provider = await startProvider([appUrl]);
  const orders = await listening();
  orders.serve(
    createOrdersApi({ issuer: provider.url, audience: ORDERS_RESOURCE }),
  );
  recordTokenRequests(provider);
  app = await startApp(appUrl, provider.url, orders.url);
  const browser = createTestBrowser();

  // A login in progress, by form_post, parked, and done.
  const form = await signInAsPerson({ browser, appUrl });
  recordFields(form.body);
  const request = new URL(form.chain[0]?.url ?? appUrl);
  recordParameters("authorization request", request.searchParams);
  snapshots.set("in progress", await dump());
  const parked = await browser.submitForm(
    form,
    {},
    { stopBefore: (url) => url.searchParams.has("parked_response") },
  );
  snapshots.set("parked", await dump());
  recordCookies("in progress", await browser.jar.getCookieString(appUrl));
  await browser.navigate(answerOf(parked));
  recordCookies("signed in", await browser.jar.getCookieString(appUrl));
  snapshots.set("signed in", await dump());

  // A refresh, an error of the application, a replay, a refusal, a dead token.
  expect((await browser.fetchJson(`${appUrl}/me`)).status).toBe(200);
  expect((await browser.fetchJson(`${appUrl}/api/orders`)).status).toBe(200);
  snapshots.set("refreshed", await dump());
  await browser.fetchJson(`${appUrl}/own-error`);
  await browser.submitForm(form);
  const second = await signInAsPerson({ appUrl, browser, path: "/login" });
  recordFields(second.body);
  provider.intercept = (req, res) => refuseTokens(req, res);
  await browser.submitForm(second);
  await browser.fetchJson(`${appUrl}/api/orders`);

  await Promise.all([provider.close(), orders.close()]);
});

afterAll(async () => {
  app.kill();
  await once(app, "exit");
  await redis.stop();
});

describe("what was recorded", () => {
  test("is the real thing: a run without secrets would prove nothing", () => {
    const names = [...secrets.keys()].map((name) => name.replace(/ \d+$/, ""));
    for (const name of [
      "client secret",
      "token request code_verifier",
      "token response access_token",
      "token response refresh_token",
      "token response id_token",
      "form code",
      "form state",
      "cookie session signed in",
      "session id",
    ]) {
      expect(names).toContain(name);
    }
    expect(output).toContain("login.succeeded");
    expect(output).toContain("login.failed");
    expect(output).toContain("token.refreshed");
    expect(output).toContain("express:application");
    for (const dumped of snapshots.values()) {
      expect(dumped.length).toBeGreaterThan(100);
    }
  });
});

// Shows: OA-14, PK-05
test.each(["in progress", "parked", "signed in", "refreshed"])(
  "ASVS 14.2.4: nothing secret is in clear in Redis, in keys or values, %s",
  (step) => {
    const dumped = snapshots.get(step) ?? Buffer.alloc(0);
    const found = [...secrets].filter(([, secret]) => dumped.includes(secret));
    expect(found.map(([name]) => name)).toEqual([]);
  },
);

// Shows: ASVS 13.3.1
test("ASVS 16.2.5: nothing secret is in any output, with every event and error printed and DEBUG=*", () => {
  const found = [...secrets].filter(([, secret]) => output.includes(secret));
  expect(found.map(([name]) => name)).toEqual([]);
});

let serial = 0;
function record(name: string, secret: string | null | undefined): void {
  if (typeof secret !== "string" || secret.length < 16) return;
  if ([...secrets.values()].includes(secret)) return;
  serial += 1;
  secrets.set(`${name} ${String(serial)}`, secret);
}

function recordParameters(source: string, parameters: URLSearchParams): void {
  for (const name of [
    "code",
    "code_verifier",
    "state",
    "nonce",
    "refresh_token",
    "client_secret",
  ]) {
    record(`${source} ${name}`, parameters.get(name));
  }
}

function recordFields(html: string): void {
  for (const name of ["code", "state"]) {
    record(
      `form ${name}`,
      new RegExp(`name="${name}" value="([^"]+)"`).exec(html)?.[1],
    );
  }
}

function recordCookies(step: string, header: string): void {
  for (const cookie of header.split("; ")) {
    const [name = "", value = ""] = cookie.split("=");
    if (!name.startsWith("session")) continue;
    record(`cookie ${name} ${step}`, decodeURIComponent(value));
    record(`cookie ${name} ${step}`, value);
    if (name !== "session") continue;
    const [sessionId, signature] = decodeURIComponent(value)
      .slice(2)
      .split(".");
    record("session id", sessionId);
    record("cookie signature", signature);
  }
}

/** Listens in on the token endpoint without disturbing it. */
function recordTokenRequests(provider: ProviderParty): void {
  record("client secret", CLIENT_SECRET);
  record("client secret", encodeURIComponent(CLIENT_SECRET));
  provider.intercept = (req, res) => {
    if (req.url !== "/token") return false;
    const chunks: unknown[] = [];
    const emit = req.emit.bind(req);
    req.emit = (event: string | symbol, ...values: unknown[]) => {
      if (event === "data") chunks.push(values[0]);
      return emit(event, ...values);
    };
    record("client secret", req.headers.authorization?.slice("Basic ".length));
    const end = res.end.bind(res);
    res.end = ((chunk: unknown) => {
      const body = new URLSearchParams(chunks.map(String).join(""));
      recordParameters("token request", body);
      const response = JSON.parse(String(chunk)) as Record<string, string>;
      for (const name of ["access_token", "refresh_token", "id_token"]) {
        record(`token response ${name}`, response[name]);
        // A JWT's last part alone would be enough of a leak.
        record(`token response ${name}`, response[name]?.split(".")[2]);
      }
      return end(chunk);
    }) as typeof res.end;
    return false;
  };
}

function refuseTokens(req: IncomingMessage, res: ServerResponse): boolean {
  if (req.url !== "/token") return false;
  res.writeHead(400, { "Content-Type": "application/json" });
  res.end('{"error":"invalid_grant","error_description":"no"}');
  return true;
}

async function startApp(
  appUrl: string,
  providerUrl: string,
  ordersUrl: string,
): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ["test/security/fixtures/talkative-app.js"],
    {
      env: {
        PATH: process.env["PATH"],
        DEBUG: "*",
        REDIS_URL: redis.url,
        PORT: new URL(appUrl).port,
        KIT_OPTIONS: JSON.stringify({
          ...kitOptions({ appUrl, providerUrl, ordersUrl }),
          responseMode: "form_post",
        }),
      },
    },
  );
  const ready = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes("listening")) resolve();
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", () => {
      reject(new Error(`the application ended:\n${output}`));
    });
  });
  await ready;
  return child;
}

/** Every key and every value of the server, as bytes. */
async function dump(): Promise<Buffer> {
  const client = createClient({ url: redis.url });
  await client.connect();
  const binary = client.withTypeMapping({ 36: Buffer });
  const parts: (string | Buffer)[] = [];
  for (const key of await client.keys("*")) {
    parts.push(key);
    const type = await client.type(key);
    if (type === "zset") {
      parts.push(...(await client.zRange(key, 0, -1)));
    } else if (type === "hash") {
      const fields = await binary.hGetAll(key);
      for (const [name, value] of Object.entries(fields)) {
        parts.push(name, value);
      }
    } else {
      parts.push((await binary.get(key)) as unknown as Buffer);
    }
  }
  client.destroy();
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}
