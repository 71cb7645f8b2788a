/** ID Tokens that are signed by ML-DSA-44 (RFC 9964), with the packed kit on a Node that can check them, and on one that cannot. */
import { copyFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { decodeProtectedHeader } from "jose";

import { freePort } from "../support/free-port.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { type NodeName, programOf } from "../support/node-versions.js";
import { NPM_INSTALL_TIMEOUT, projectWithKit } from "../support/npm-project.js";
import { createTestBrowser, type Page } from "../support/test-browser.js";

const FIXTURES = resolve("test/package/fixtures");

let project: string;
let issuer: string;
let provider: NodeProcess;

beforeAll(async () => {
  project = await projectWithKit("post-quantum");
  for (const [fixture, name] of [
    ["consumer.js", "app.mjs"],
    ["post-quantum-provider.js", "provider.mjs"],
  ] as const) {
    await copyFile(join(FIXTURES, fixture), join(project, name));
  }
  provider = startNode(["provider.mjs"], {
    cwd: project,
    node: await programOf("Node 24"),
  });
  [, issuer = ""] = await provider.prints(/issuer: (.+)/);
}, NPM_INSTALL_TIMEOUT);

afterAll(endNodeProcesses);

/** Starts the application, which takes ID Tokens by this algorithm alone. */
async function start(
  node: NodeName,
  algorithm: string,
): Promise<{ readonly url: string; readonly app: NodeProcess }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const app = startNode(["app.mjs"], {
    cwd: project,
    node: await programOf(node),
    env: {
      OIDC_ISSUER: issuer,
      OIDC_CLIENT_ID: "app",
      OIDC_CLIENT_SECRET: "the secret of the application under test",
      OIDC_SCOPE: "openid profile",
      OIDC_PROMPT: "login",
      OIDC_ID_TOKEN_SIGNING_ALG: algorithm,
      ORDERS_URL: "http://127.0.0.1:9",
      SESSION_SECRET: "a session secret of thirty-two characters",
      BASE_URL: url,
      PORT: String(port),
    },
  });
  return { url, app };
}

async function signIn(url: string, browser = createTestBrowser()) {
  const who = await browser.navigate(`${url}/login?return_to=/me`);
  const page: Page = await browser.submitForm(who, {}, { button: "alice" });
  return { page, browser };
}

test("RFC 9964: on Node 24 a user signs in, reads UserInfo and signs out", async () => {
  const { url, app } = await start("Node 24", "ML-DSA-44");
  await app.prints(/listening/);
  const { page, browser } = await signIn(url);
  expect(JSON.parse(page.body)).toMatchObject({ sub: "alice" });
  const userInfo = await browser.fetchJson(`${url}/user-info`);
  expect(await userInfo.json()).toMatchObject({ name: "Alice" });

  const { chain } = await browser.navigate(`${url}/logout`, {
    method: "POST",
    initiator: url,
  });
  const hint = chain
    .map((step) => new URL(step.url).searchParams.get("id_token_hint"))
    .find((token) => token !== null);
  expect(decodeProtectedHeader(hint ?? "").alg).toBe("ML-DSA-44");
  expect((await browser.fetchJson(`${url}/me`)).status).toBe(401);
});

test("RFC 9964: an ID Token that another key has signed is refused", async () => {
  const { url, app } = await start("Node 24", "ML-DSA-44");
  await app.prints(/listening/);
  process.kill(provider.pid, "SIGUSR2");
  await provider.prints(/lies next/);
  const { page, browser } = await signIn(url);
  expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  expect((await browser.fetchJson(`${url}/me`)).status).toBe(401);
  // It was that one token.
  await signIn(url, browser);
  expect((await browser.fetchJson(`${url}/me`)).status).toBe(200);
});

test.each(["this Node", "Node 22"] as const)(
  "on %s the start says that it cannot be checked there, and what can",
  async (node) => {
    const { app } = await start(node, "ML-DSA-44");
    await app.prints(
      /idTokenSigningAlg: cannot be used here: ML-DSA-44 needs Node\.js 24\.7 or later with OpenSSL 3\.5; this is v2[02]\./,
    );
  },
);

test("an application that expects RS256 refuses it, and says which algorithm it has", async () => {
  const { url, app } = await start("this Node", "RS256");
  await app.prints(/listening/);
  const { page, browser } = await signIn(url);
  expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  expect(page.body).toContain("alg ML-DSA-44");
  expect((await browser.fetchJson(`${url}/me`)).status).toBe(401);
});
