/** What protects logins is chosen from the provider's metadata, and told once when it is found. */
import { generateKeyPairSync } from "node:crypto";

import { afterEach, describe, expect, jest, test } from "@jest/globals";

import {
  type LoginKitEvents,
  type LoginKitOptions,
  PrivateKeyJwt,
} from "../../lib/index.js";
import type { Json } from "../support/lying-provider.js";
import { type LyingWorldOptions, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { closeRedis, sharedRedis } from "../support/world.js";

const { privateKey, publicKey } = generateKeyPairSync("ec", {
  namedCurve: "P-256",
});

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const end of ends.splice(0)) await end();
});

async function start(
  metadata: (right: Json) => Json,
  options: LyingWorldOptions & { readonly kit?: Partial<LoginKitOptions> } = {},
) {
  const lines: string[] = [];
  jest.spyOn(console, "warn").mockImplementation((line: string) => {
    if (line.includes("logins use")) lines.push(line);
  });
  const w = await lyingWorld({
    ...options,
    provider: { misbehave: { metadata }, ...options.provider },
  });
  ends.push(w.close);
  const found: LoginKitEvents["provider.found"][0][] = [];
  w.kit.events.on("provider.found", (event) => found.push(event));
  return {
    ...w,
    lines,
    found,
    chosen: () =>
      Object.fromEntries(
        (found[0]?.choices ?? []).map(({ about, chosen, why }) => [
          about,
          `${chosen}: ${why}`,
        ]),
      ),
    stronger: () =>
      (found[0]?.choices ?? []).flatMap(({ stronger }) => stronger ?? []),
    open: () => createTestBrowser().navigate(`${w.url}/login?return_to=/me`),
  };
}

/** A provider of ten years ago. */
const OLD = ({
  code_challenge_methods_supported: _pkce,
  authorization_response_iss_parameter_supported: _iss,
  ...right
}: Json): Json => ({
  ...right,
  token_endpoint_auth_methods_supported: ["client_secret_basic"],
});

describe("with no security option set, the line at start names the right choices", () => {
  test("a provider with nothing but the Core", async () => {
    const w = await start(OLD);
    expect((await w.open()).response.status).toBe(200);
    expect(w.chosen()).toEqual({
      PKCE: "S256: always sent",
      "pushed requests": "no: not offered",
      "iss in answers": "compared where it comes: not promised",
      "client authentication":
        "client_secret_basic: as the client is registered, by the option clientAuth",
      "token binding": expect.stringMatching(/^no: /),
      "signed requests": "no: the option requestSigningKey is not set",
      "signed answers": "no: by the option responseMode",
    });
    expect(w.lines).toHaveLength(1);
    expect(w.lines[0]).toContain(
      `at ${w.provider.issuer} logins use PKCE: S256 (always sent); pushed requests: no (not offered)`,
    );
    expect(w.lines[0]).toContain("code_challenge_methods_supported");
  });

  test("ISS-03, PAR-05: one that offers pushed requests and promises iss", async () => {
    const w = await start((right) => right, {
      provider: { offers: { pushedRequests: "offered" } },
    });
    expect((await w.open()).response.status).toBe(200);
    expect(w.chosen()).toMatchObject({
      PKCE: "S256: offered, and always sent",
      "pushed requests": "yes: offered",
      "iss in answers": "demanded: promised",
    });
    expect(w.provider.requests).toContain("POST /par");
  });

  test("one that offers all there is says what each needs", async () => {
    const w = await start(
      (right) => ({
        ...right,
        token_endpoint_auth_methods_supported: [
          "client_secret_basic",
          "private_key_jwt",
          "tls_client_auth",
        ],
      }),
      {
        provider: {
          offers: {
            pushedRequests: "required",
            signedRequests: "offered",
            signedResponses: "offered",
          },
        },
      },
    );
    expect((await w.open()).response.status).toBe(200);
    expect(w.chosen()).toMatchObject({ "pushed requests": "yes: required" });
    expect(w.stronger()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^private_key_jwt needs .* or tls_client_auth needs /,
        ),
        "signed requests (RFC 9101) need requestSigningKey, and its public key at the provider",
        "signed answers (JARM) need responseMode: query.jwt",
      ]),
    );
  });
});

test("what the options demand is told as theirs, and leaves nothing stronger", async () => {
  const w = await start((right) => right, {
    provider: {
      dpop: {},
      offers: {
        pushedRequests: "offered",
        signedRequests: "offered",
        signedResponses: "offered",
      },
    },
    client: {
      tokenEndpointAuthMethod: "private_key_jwt",
      publicKey: publicKey.export({ format: "jwk" }),
    },
    kit: {
      clientSecret: undefined as never,
      clientAuth: PrivateKeyJwt(privateKey),
      requestSigningKey: privateKey,
      responseMode: "query.jwt",
      pushedAuthorizationRequests: "always",
      senderConstrained: "always",
    },
  });
  expect((await w.open()).response.status).toBe(200);
  expect(w.chosen()).toMatchObject({
    "token binding":
      "proofs by ES256 (DPoP): the option senderConstrained is always",
    "pushed requests": "yes: the option pushedAuthorizationRequests is always",
    "client authentication": expect.stringMatching(/^private_key_jwt: /),
    "signed requests": "yes: the option requestSigningKey is set",
    "signed answers": "query.jwt: by the option responseMode",
  });
  expect(w.stronger()).toEqual([]);
});

test("pushed requests that an option forbids are told with what it costs", async () => {
  const w = await start((right) => right, {
    provider: { offers: { pushedRequests: "offered" } },
    kit: { pushedAuthorizationRequests: "never" },
  });
  await w.open();
  expect(w.stronger()).toContain(
    "pushedAuthorizationRequests: auto pushes them, and the provider offers it",
  );
});

test("it is told once, however many sign in", async () => {
  const w = await start((right) => right);
  await w.open();
  await w.open();
  expect(w.found).toHaveLength(1);
  expect(w.found[0]).toMatchObject({
    provider: "default",
    issuer: w.provider.issuer,
  });
  expect(w.lines).toHaveLength(1);
});

test("in production it is an event, and no line on the console", async () => {
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  try {
    const w = await start((right) => right, { redis: await sharedRedis() });
    await w.open();
    expect(w.found).toHaveLength(1);
    expect(w.lines).toEqual([]);
  } finally {
    process.env["NODE_ENV"] = before;
    closeRedis();
  }
});
