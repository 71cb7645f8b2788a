/** A stolen access token is useless where it is bound to a key: the demo's orders API refuses each way to use it (RFC 9449). */
import { createHash, randomUUID } from "node:crypto";

import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import {
  calculateJwkThumbprint,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  SignJWT,
} from "jose";

import { createOrdersApi } from "../../demo-app/orders-api.js";
import { loginOf } from "../../lib/index.js";
import {
  closeRedis,
  listening,
  ORDERS_RESOURCE,
  type Party,
  world,
  type World,
} from "../support/world.js";

let w: World;
let other: Party;
/** What went over the wire to the API: the token, and a proof that was not used. */
let stolen: { readonly token: string; readonly proof: string };

beforeEach(async () => {
  w = await world({
    provider: { features: { dPoP: { enabled: true } } },
    orders: (url) => ({ origin: url }),
    routes(app, kit) {
      app.get("/headers", kit.requireAuth(), async (req, res) => {
        const url = `${w.orders.url}/v1/orders`;
        res.json(await loginOf(req).authorize(url, "GET"));
      });
    },
    signedInAs: "alice",
  });
  const server = await listening();
  server.serve(
    createOrdersApi({
      issuer: w.provider.url,
      audience: ORDERS_RESOURCE,
      origin: server.url,
    }),
  );
  other = server;
  const answer = await w.browser.fetchJson(`${w.app.url}/headers`);
  const { authorization, dpop } = (await answer.json()) as {
    authorization: string;
    dpop: string;
  };
  stolen = { token: authorization.replace("DPoP ", ""), proof: dpop };
});
afterEach(() => Promise.all([w.close(), other.close()]));
afterAll(closeRedis);

async function ask(
  headers: Record<string, string>,
  { url = w.orders.url, method = "GET", path = "/v1/orders" } = {},
) {
  const answer = await fetch(url + path, { method, headers });
  return {
    status: answer.status,
    challenge: answer.headers.get("www-authenticate") ?? "",
  };
}

const refused = (error: string) => ({
  status: 401,
  challenge: expect.stringMatching(
    new RegExp(`^DPoP .*error="${error}"`),
  ) as unknown,
});

interface Key {
  readonly privateKey: CryptoKey;
  readonly jwk: Record<string, unknown>;
}

async function ownKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  return { privateKey, jwk: { ...(await exportJWK(publicKey)) } };
}

/** A proof as the thief would make it: right, but for the key and what is changed. */
async function ownProof(
  { privateKey, jwk }: Key,
  claims: Record<string, unknown> = {},
) {
  return new SignJWT({
    jti: randomUUID(),
    htm: "GET",
    htu: `${w.orders.url}/v1/orders`,
    iat: Math.floor(Date.now() / 1000),
    ath: createHash("sha256").update(stolen.token).digest("base64url"),
    ...claims,
  })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
    .sign(privateKey);
}

test("the control: with the login's own proof it opens the orders", async () => {
  const { token, proof } = stolen;
  expect(
    (await ask({ authorization: `dpop ${token}`, dpop: proof })).status,
  ).toBe(200);
});

test("DP-03: as a bearer token it is refused", async () => {
  expect(await ask({ authorization: `Bearer ${stolen.token}` })).toEqual(
    refused("invalid_token"),
  );
});

test("DP-03: without a proof it is refused", async () => {
  expect(await ask({ authorization: `DPoP ${stolen.token}` })).toEqual(
    refused("invalid_dpop_proof"),
  );
});

test("DP-01: with a proof of another key it is refused", async () => {
  const dpop = await ownProof(await ownKey());
  expect(await ask({ authorization: `DPoP ${stolen.token}`, dpop })).toEqual(
    refused("invalid_token"),
  );
});

test("DP-01: with a proof that shows the right key, signed by another, it is refused", async () => {
  const { privateKey } = await ownKey();
  const [head = ""] = stolen.proof.split(".");
  const { jwk } = JSON.parse(Buffer.from(head, "base64url").toString()) as Key;
  expect(await calculateJwkThumbprint(jwk)).toHaveLength(43);
  const dpop = await ownProof({ privateKey, jwk });
  expect(await ask({ authorization: `DPoP ${stolen.token}`, dpop })).toEqual(
    refused("invalid_dpop_proof"),
  );
});

test("DP-01: with a proof that was used before it is refused", async () => {
  const headers = {
    authorization: `DPoP ${stolen.token}`,
    dpop: stolen.proof,
  };
  expect((await ask(headers)).status).toBe(200);
  expect(await ask(headers)).toEqual(refused("invalid_dpop_proof"));
});

test("DP-01: with a proof for another method or path it is refused", async () => {
  const headers = {
    authorization: `DPoP ${stolen.token}`,
    dpop: stolen.proof,
  };
  const refusal = refused("invalid_dpop_proof");
  expect(await ask(headers, { method: "POST" })).toEqual(refusal);
  expect(await ask(headers, { path: "/v1/orders/" })).toEqual(refusal);
});

test("DP-01: at another server for the same audience it is refused, whatever Host says", async () => {
  const headers = {
    authorization: `DPoP ${stolen.token}`,
    dpop: stolen.proof,
    "x-forwarded-host": new URL(w.orders.url).host,
  };
  expect(await ask(headers, { url: other.url })).toEqual(
    refused("invalid_dpop_proof"),
  );
});

test("DP-01: with an old proof, or one of tomorrow, it is refused", async () => {
  const key = await ownKey();
  const now = Math.floor(Date.now() / 1000);
  for (const iat of [now - 70, now + 20]) {
    const dpop = await ownProof(key, { iat });
    expect(await ask({ authorization: `DPoP ${stolen.token}`, dpop })).toEqual(
      refused("invalid_dpop_proof"),
    );
  }
});

test("DP-01: with a proof for another token, or with two, it is refused", async () => {
  const key = await ownKey();
  const dpop = await ownProof(key, { ath: "A".repeat(43) });
  const authorization = `DPoP ${stolen.token}`;
  const refusal = refused("invalid_dpop_proof");
  expect(await ask({ authorization, dpop })).toEqual(refusal);
  const twice = `${stolen.proof}, ${stolen.proof}`;
  expect(await ask({ authorization, dpop: twice })).toEqual(refusal);
});
