/** The demo's resource server takes the access tokens that are meant for it, and no others. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { createOrdersApi } from "../../demo-app/orders-api.js";
import { listening } from "../../lib/testing/listening.js";
import {
  type Claims,
  type LyingProvider,
  startLyingProvider,
  type TokenLie,
} from "../support/lying-provider.js";
import { clientAt } from "../support/lying-world.js";
import type { Party } from "../support/world.js";

const AUDIENCE = "urn:example:orders";

let provider: LyingProvider;
let api: Party;
beforeEach(async () => {
  provider = await startLyingProvider({ clients: [clientAt([])] });
  const server = await listening();
  server.serve(
    createOrdersApi({ issuer: provider.issuer, audience: AUDIENCE }),
  );
  api = server;
});
afterEach(() => Promise.all([provider.close(), api.close()]));

async function answerTo(claims: Claims, lie: TokenLie = {}) {
  const now = Math.floor(Date.now() / 1000);
  const right = {
    iss: provider.issuer,
    aud: AUDIENCE,
    sub: "alice",
    scope: "orders:read",
    iat: now,
    exp: now + 60,
  };
  const token = provider.sign(
    { ...right, ...claims },
    { ...lie, header: { typ: "at+jwt", ...lie.header } },
  );
  const answer = await fetch(`${api.url}/v1/orders`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  return {
    status: answer.status,
    challenge: answer.headers.get("www-authenticate"),
  };
}

test("AT-03: a right access token opens it", async () => {
  expect(await answerTo({})).toEqual({ status: 200, challenge: null });
});

test.each<[string, Claims, TokenLie]>([
  ["the type of an ID Token", {}, { header: { typ: undefined } }],
  ["another issuer", { iss: "https://op.evil" }, {}],
  ["another audience", { aud: "urn:example:stock" }, {}],
  ["an end that is past", { exp: 1 }, {}],
  ["no end", { exp: undefined }, {}],
  ["no subject", { sub: undefined }, {}],
  ["another key", {}, { key: "foreign" }],
  ["no signature", {}, { header: { alg: "none" } }],
  ["another algorithm", {}, { header: { alg: "ES256" } }],
])("AT-03: with %s: 401 invalid_token", async (_what, claims, lie) => {
  const { status, challenge } = await answerTo(claims, lie);
  expect(status).toBe(401);
  expect(challenge).toContain('error="invalid_token"');
});

test("AT-03: without the scope: 403 insufficient_scope that names it", async () => {
  const { status, challenge } = await answerTo({ scope: "openid" });
  expect(status).toBe(403);
  expect(challenge).toMatch(/error="insufficient_scope", scope="orders:read"/);
});
