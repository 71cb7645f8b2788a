/** Authorization requests that the client signs (JAR, RFC 9101), with and without pushing them. */
import {
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from "node:crypto";

import { afterEach, describe, expect, test } from "@jest/globals";

import { type LoginKitOptions, PrivateKeyJwt } from "../../lib/index.js";
import { lyingWorld, type LyingWorldOptions } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { CLIENT_ID } from "../support/world.js";

const { privateKey, publicKey } = generateKeyPairSync("ec", {
  namedCurve: "P-256",
});
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

const jwk = (key: KeyObject): JsonWebKey => key.export({ format: "jwk" });

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

type Offers = NonNullable<LyingWorldOptions["provider"]>["offers"];

async function start(
  offers: Offers,
  kit: Partial<LoginKitOptions>,
  client: LyingWorldOptions["client"] = { publicKey: jwk(publicKey) },
) {
  const w = await lyingWorld({
    client,
    provider: { ...(offers && { offers }) },
    kit,
  });
  ends.push(w.close);
  const refused: string[] = [];
  w.kit.events.on("request.refused", ({ code, diagnosis }) => {
    refused.push(`${code} ${diagnosis}`);
  });
  const find = (path: string) =>
    w.provider.received.find((request) => request.path === path);
  return {
    ...w,
    refused,
    open: (address = "/login?return_to=/me&login_hint=alice") =>
      createTestBrowser().navigate(w.url + address),
    /** What the browser brought to the authorization endpoint. */
    brought: () => Object.fromEntries(find("/authorize")?.query ?? []),
    pushed: () => Object.fromEntries(find("/par")?.form ?? []),
  };
}

function read(jwt = "", part = 1): Record<string, unknown> {
  const text = Buffer.from(jwt.split(".")[part] ?? "", "base64url").toString();
  return JSON.parse(text) as Record<string, unknown>;
}

describe("with requestSigningKey", () => {
  test("JAR-01: the request is signed, and the browser carries it and nothing of it beside", async () => {
    const w = await start(
      { signedRequests: "required" },
      { requestSigningKey: { key: privateKey, kid: "requests" } },
    );
    const page = await w.open();
    expect(page.response.status).toBe(200);
    const { request, ...beside } = w.brought();
    expect(beside).toEqual({
      client_id: CLIENT_ID,
      response_type: "code",
      scope: "openid",
    });
    expect(read(request, 0)).toEqual({
      alg: "ES256",
      kid: "requests",
      typ: "oauth-authz-req+jwt",
    });
  });

  test("JAR-02, JAR-03: it is for this provider, by this client, short-lived and new each time", async () => {
    const w = await start(
      { signedRequests: "offered" },
      { requestSigningKey: privateKey },
    );
    await w.open();
    await w.open();
    const requests = w.provider.received
      .filter(({ path }) => path === "/authorize")
      .map(({ query }) => read(query.get("request") ?? ""));
    expect(requests).toHaveLength(2);
    for (const claims of requests) {
      expect(claims).toMatchObject({
        iss: CLIENT_ID,
        aud: w.provider.issuer,
        client_id: CLIENT_ID,
        response_type: "code",
        code_challenge_method: "S256",
      });
      expect(claims).not.toHaveProperty("sub");
      const { iat, nbf, exp } = claims as Record<string, number>;
      expect(nbf).toBe(iat);
      expect(Number(exp) - Number(nbf)).toBe(300);
    }
    for (const name of ["jti", "state", "nonce", "code_challenge"]) {
      expect(new Set(requests.map((claims) => claims[name])).size).toBe(2);
    }
  });

  test("JAR-04, PAR-03: a pushed one goes to the provider, and a reference through the browser", async () => {
    const w = await start(
      { signedRequests: "required", pushedRequests: "required" },
      { requestSigningKey: privateKey },
    );
    const page = await w.open();
    expect(page.response.status).toBe(200);
    expect(Object.keys(w.pushed()).sort()).toEqual(["client_id", "request"]);
    expect(Object.keys(w.brought()).sort()).toEqual([
      "client_id",
      "request_uri",
    ]);
  });

  test("JAR-05: numbers, JSON and what comes more than once stand in it as such", async () => {
    const w = await start(
      { signedRequests: "offered" },
      {
        requestSigningKey: privateKey,
        authorizationParameters: {
          max_age: "600",
          claims: '{"id_token":{"acr":{"essential":true}}}',
          authorization_details: '[{"type":"payment"}]',
        },
        resourceServers: {
          orders: { url: "https://orders.example", resource: "urn:orders" },
          stock: { url: "https://stock.example", resource: "urn:stock" },
        },
      },
    );
    await w.open();
    expect(read(w.brought()["request"])).toMatchObject({
      max_age: 600,
      claims: { id_token: { acr: { essential: true } } },
      authorization_details: [{ type: "payment" }],
      resource: ["urn:orders", "urn:stock"],
    });
  });

  test("an RSA key signs by what the provider takes, PS256 first", async () => {
    const w = await start(
      { signedRequests: "required" },
      { requestSigningKey: rsa.privateKey },
      { publicKey: jwk(rsa.publicKey) },
    );
    expect((await w.open()).response.status).toBe(200);
    expect(read(w.brought()["request"], 0)).toMatchObject({ alg: "PS256" });
  });

  test("the provider takes no other signature", async () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const w = await start(
      { signedRequests: "offered" },
      { requestSigningKey: other.privateKey },
    );
    expect((await w.open()).response.status).toBe(400);
  });

  test("a key service that fails starts no login, and tells nothing of the request", async () => {
    let said = "";
    const w = await start(
      { signedRequests: "offered" },
      {
        requestSigningKey: {
          alg: "ES256",
          sign(data) {
            said = read(`.${Buffer.from(data).toString().split(".")[1] ?? ""}`)[
              "state"
            ] as string;
            throw new Error(`cannot sign for ${said}`);
          },
        },
      },
    );
    expect((await w.open()).response.status).toBe(502);
    expect(w.refused).toEqual([
      "ERR_CLIENT_AUTHENTICATION requestSigningKey cannot sign the authorization request: cannot sign for [cut]",
    ]);
    expect(said).toMatch(/^[\w-]{43}$/);
  });
});

describe("without requestSigningKey", () => {
  test("nothing is signed, though the provider offers it", async () => {
    const w = await start({ signedRequests: "offered" }, {});
    expect((await w.open()).response.status).toBe(200);
    expect(w.brought()).not.toHaveProperty("request");
  });

  test("JAR-06: a provider that requires it is told with what to set, before anything is sent", async () => {
    const w = await start({ signedRequests: "required" }, {});
    expect((await w.open()).response.status).toBe(503);
    expect(w.refused).toEqual([
      "ERR_DISCOVERY_INVALID the provider requires signed requests (require_signed_request_object); set the option requestSigningKey, and register its public key",
    ]);
    expect(w.brought()).toEqual({});
  });
});

test("PAR-01, PAR-04: a pushed request is authenticated by key, and its name good for once", async () => {
  const w = await start(
    { pushedRequests: "required" },
    {
      clientSecret: undefined as never,
      clientAuth: PrivateKeyJwt(privateKey),
    },
    {
      tokenEndpointAuthMethod: "private_key_jwt",
      publicKey: jwk(publicKey),
    },
  );
  expect((await w.open()).response.status).toBe(200);
  const { client_assertion: assertion } = w.pushed();
  expect(read(assertion)).toMatchObject({ aud: w.provider.issuer });
  const again = await fetch(
    `${w.provider.issuer}/authorize?${new URLSearchParams(w.brought()).toString()}`,
    { redirect: "manual" },
  );
  expect(again.status).toBe(400);
});
