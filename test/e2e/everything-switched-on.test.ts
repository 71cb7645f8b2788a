/** Everything that oidc-provider has for the security of a login, switched on at once, in Chromium and in two processes. */
import { readFileSync } from "node:fs";
import { request, type RequestOptions } from "node:https";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import { decodeJwt, decodeProtectedHeader } from "jose";
import type { Browser, Page } from "playwright-core";

import { advance, resetClock } from "../../lib/testing/index.js";
import { type BoundApi, boundApi } from "../support/bound-api.js";
import { type Authority, createAuthority } from "../support/certificates.js";
import { launchChromium } from "../support/chromium.js";
import { freePort } from "../support/free-port.js";
import { startKeptRedis } from "../support/kept-redis.js";
import { startNode } from "../support/node-process.js";
import {
  signingKey,
  type StrictMethod,
  strictProvider,
  type StrictRequest,
} from "../support/strict-provider.js";
import { kitOptions, ORDERS_RESOURCE } from "../support/world.js";

/** More than the life of an access token. */
const EXPIRED_SECONDS = 70;

let chromium: Browser;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  chromium = await launchChromium();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(async () => {
  await chromium.close();
});

/** One application in two processes, and everybody around it. */
interface Everything {
  readonly one: string;
  readonly two: string;
  readonly api: BoundApi;
  readonly received: readonly StrictRequest[];
  readonly page: Page;
  /** Lets the access token expire everywhere. */
  readonly expire: () => Promise<void>;
}

async function everything(
  method: StrictMethod,
  authority?: Authority,
): Promise<Everything> {
  closing.push(resetClock);
  const redis = await startKeptRedis();
  closing.push(() => redis.stop());
  const [one = "", two = ""] = [await freePort(), await freePort()].map(
    (port) => `http://127.0.0.1:${String(port)}`,
  );
  const tls = authority && tlsOf(authority, "IP:127.0.0.1");
  const provider = await strictProvider({ appUrl: one, method, tls });
  closing.push(provider.close);
  const { issuer, received } = provider;
  const api = await boundApi({ issuer, audience: ORDERS_RESOURCE, tls });
  closing.push(api.close);
  const env = {
    REDIS_URL: redis.url,
    CLIENT_KEY: JSON.stringify(signingKey("client")),
    ...(authority && {
      TLS: JSON.stringify({ method, ...authority.sign("DNS:shop.example") }),
    }),
    KIT_OPTIONS: JSON.stringify({
      ...kitOptions({
        appUrl: one,
        providerUrl: issuer,
        ordersUrl: api.url,
      }),
      clientSecret: undefined,
      securityProfile: "fapi2-message-signing",
      responseMode: "query.jwt",
      idTokenSigningAlg: "ES256",
      responseSigningAlg: "ES256",
      userInfo: true,
    }),
  };
  const processes = [one, two].map((url) =>
    startNode(["test/e2e/fixtures/everything-app.js"], {
      env: { ...env, PORT: new URL(url).port },
    }),
  );
  closing.push(() =>
    Promise.all(processes.map((started) => started.end("SIGKILL"))),
  );
  await Promise.all(processes.map((started) => started.prints(/listening/)));
  const context = await chromium.newContext();
  closing.push(() => context.close());
  return {
    one,
    two,
    api,
    received,
    page: await context.newPage(),
    async expire() {
      advance(EXPIRED_SECONDS);
      for (const url of [one, two]) {
        const clock = `${url}/clock?seconds=${String(EXPIRED_SECONDS)}`;
        await fetch(clock, { method: "POST" });
      }
    },
  };
}

function tlsOf(authority: Authority, names: string) {
  const { cert, key } = authority.sign(names);
  return { ca: authority.ca, cert: readFileSync(cert), key: readFileSync(key) };
}

function newAuthority(): Authority {
  const authority = createAuthority();
  closing.push(() => {
    authority.remove();
  });
  return authority;
}

async function signIn({ page, one }: Everything): Promise<void> {
  await page.goto(`${one}/login?return_to=/me`);
  await page.getByRole("button", { name: "Alice" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL(`${one}/me`);
  // As UserInfo says.
  expect(await page.title()).toBe("Alice");
}

/** Sign-in, forwarded calls with a refresh before each but the first, WebSocket, logout. */
async function useEverything(w: Everything): Promise<void> {
  const { one, two, page } = w;
  await signIn(w);
  for (const url of [one, two, one]) {
    await page.goto(url);
    const orders = await page.evaluate(
      `fetch("/api/orders").then((response) => response.json())`,
    );
    expect([url, orders]).toEqual([url, { sub: "alice" }]);
    await w.expire();
  }
  const greeting = await page.evaluate(`new Promise((resolve, reject) => {
    const socket = new WebSocket("/live");
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = () => reject(new Error("closed"));
  })`);
  expect(greeting).toBe("hello alice");

  await page.goto(`${one}/logout`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await page.waitForURL((url) => url.origin === one);
  await page.goto(two);
  expect(
    await page.evaluate(`fetch("/api/orders").then(({ status }) => status)`),
  ).toBe(401);
  for (const url of [one, two]) {
    const happened = await fetch(`${url}/happened`);
    expect(await happened.json()).toContain("token.refreshed");
  }
}

/** The access token for the API, as the server side of the application has it. */
async function stolenToken(w: Everything): Promise<string> {
  await signIn(w);
  return w.page.evaluate<string>(
    `fetch("/token").then((response) => response.json()).then(({ value }) => value)`,
  );
}

describe("private_key_jwt, PAR, JAR, JARM, and DPoP with nonces", () => {
  // Shows: F2-02, F2-03, F2-09, F2-13, F2-16
  test("sign-in, refresh in two processes, forwarding, a WebSocket and logout", async () => {
    const w = await everything("private_key_jwt");
    await useEverything(w);
    const proven = w.received.filter(({ proof }) => proof !== undefined);
    expect(new Set(proven.map(({ path }) => path))).toEqual(
      new Set(["/request", "/token", "/me"]),
    );
    const keys = proven.map(({ proof = "" }) =>
      JSON.stringify(decodeProtectedHeader(proof).jwk),
    );
    expect(new Set(keys).size).toBe(1);
    const names = proven.map(({ proof = "" }) => decodeJwt(proof).jti);
    expect(new Set(names).size).toBe(names.length);
    // Each process learns the nonce once.
    expect(w.api.answers).toEqual([
      "DPoP 401 use_dpop_nonce",
      "DPoP 200",
      "DPoP 401 use_dpop_nonce",
      "DPoP 200",
      "DPoP 200",
      "DPoP 200",
    ]);
  });

  // Shows: F2-02
  test.each(["Bearer", "DPoP"])(
    "a stolen access token is of no use as %s without a proof",
    async (scheme) => {
      const w = await everything("private_key_jwt");
      const authorization = `${scheme} ${await stolenToken(w)}`;
      const answer = await fetch(w.api.url, { headers: { authorization } });
      expect(answer.status).toBe(401);
    },
  );
});

describe.each(["tls_client_auth", "self_signed_tls_client_auth"] as const)(
  "%s, PAR, JAR, JARM, and tokens bound to the certificate",
  (method) => {
    // Shows: F2-02, F2-08, MT-01, MT-02, MT-03
    test("sign-in, refresh in two processes, forwarding, a WebSocket and logout", async () => {
      const w = await everything(method, newAuthority());
      await useEverything(w);
      const shown = w.received.filter(({ hasCertificate }) => hasCertificate);
      expect(new Set(shown.map(({ path }) => path))).toEqual(
        new Set(["/request", "/token", "/me", "/token/revocation"]),
      );
      expect(w.received.filter(({ proof }) => proof !== undefined)).toEqual([]);
      expect(w.api.answers).toEqual(Array(4).fill("Bearer 200"));
    });
  },
);

// Shows: F2-02, MT-02
test("a token bound to a certificate is of no use with another one, or without", async () => {
  const authority = newAuthority();
  const w = await everything("tls_client_auth", authority);
  const token = await stolenToken(w);
  const { ca } = authority;
  const thief = tlsOf(authority, "DNS:thief.example");
  expect(await statusOf(w.api, token, { ca })).toBe(401);
  expect(await statusOf(w.api, token, thief)).toBe(401);
  // It was good where it belongs.
  await w.page.evaluate(`fetch("/api/orders")`);
  expect(w.api.answers).toEqual([
    "Bearer 401 invalid_token",
    "Bearer 401 invalid_token",
    "Bearer 200",
  ]);
});

function statusOf(
  { url }: BoundApi,
  token: string,
  tls: RequestOptions,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    request(url, { ...tls, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .once("error", reject)
      .end();
  });
}
