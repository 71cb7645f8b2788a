/** Client assertions (RFC 7523): whom they are for, and what is said where the provider wants another audience. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { modifyAssertion } from "openid-client";

import { ClientSecretJwt, PrivateKeyJwt } from "../../lib/index.js";
import { testProvider } from "../../lib/testing/index.js";
import { WITH_NONCE } from "../support/fapi2-world.js";
import { lyingWorld, type LyingWorldOptions } from "../support/lying-world.js";
import { signOutAndComeBack } from "../support/sign-out.js";
import { createTestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { CLIENT_SECRET } from "../support/world.js";

const { privateKey, publicKey } = await generateKeyPair("ES256", {
  extractable: true,
});
const jwk = await exportJWK(publicKey);

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

type Client = NonNullable<LyingWorldOptions["client"]>;

const BY_KEY: Client = {
  tokenEndpointAuthMethod: "private_key_jwt",
  publicKey: jwk,
};
const BY_SECRET: Client = { tokenEndpointAuthMethod: "client_secret_jwt" };
const ITS_ENDPOINT: Client = { assertionAudience: "token_endpoint" };

/** An application that authenticates by what is made of the provider's token endpoint. */
async function start(
  client: Client,
  clientAuth: (tokenEndpoint: string) => ReturnType<typeof PrivateKeyJwt>,
) {
  const w = await lyingWorld({
    client,
    kit: ({ issuer }) => ({
      clientSecret: undefined as never,
      clientAuth: clientAuth(`${issuer}/token`),
    }),
  });
  ends.push(w.close);
  const diagnoses: string[] = [];
  w.kit.events.on("login.failed", ({ code, diagnosis }) => {
    diagnoses.push(`${code} ${diagnosis}`);
  });
  return { ...w, diagnoses };
}

type World = Awaited<ReturnType<typeof start>>;

/** Status of the page where a sign-in ends. */
async function signIn(w: World): Promise<number> {
  const page = await createTestBrowser().navigate(
    `${w.url}/login?return_to=/me&login_hint=alice`,
  );
  return page.response.status;
}

describe.each<
  [string, Client, (options?: object) => ReturnType<typeof PrivateKeyJwt>]
>([
  [
    "PrivateKeyJwt(key)",
    BY_KEY,
    (options) => PrivateKeyJwt(privateKey, options),
  ],
  [
    "ClientSecretJwt(secret)",
    BY_SECRET,
    (options) => ClientSecretJwt(CLIENT_SECRET, options),
  ],
])("%s", (maker, client, clientAuth) => {
  test("its audience is the issuer, and the provider takes it", async () => {
    expect(await signIn(await start(client, () => clientAuth()))).toBe(200);
  });

  test("a provider that wants its token endpoint gets it by the option audience", async () => {
    const w = await start({ ...client, ...ITS_ENDPOINT }, (audience) =>
      clientAuth({ audience }),
    );
    const browser = await w.signIn("alice");
    await signOutAndComeBack(browser, w.url);
    await until(
      "tokens are revoked with it too",
      () => w.provider.revoked.length > 0,
    );
  });

  test("without it the refusal says what was sent, and what to write", async () => {
    const w = await start({ ...client, ...ITS_ENDPOINT }, () => clientAuth());
    expect(await signIn(w)).toBe(502);
    const { issuer } = w.provider;
    expect(w.diagnoses).toEqual([
      expect.stringMatching(/^ERR_CLIENT_AUTHENTICATION /),
    ]);
    expect(w.diagnoses[0]).toContain(
      `clientAuth is ${maker} with the audience ${issuer}, and the provider takes client_secret_basic, client_secret_post, ${client.tokenEndpointAuthMethod ?? ""}; `,
    );
    expect(w.diagnoses[0]).toContain(
      `Where it wants another audience, name it: ${maker.replace(")", `, { audience: "${issuer}/token" })`)}`,
    );
  });

  test("where it wants the issuer and gets another, the refusal names the issuer", async () => {
    const w = await start(client, (audience) => clientAuth({ audience }));
    expect(await signIn(w)).toBe(502);
    expect(w.diagnoses[0]).toContain(`{ audience: "${w.provider.issuer}" })`);
  });

  test("openid-client's own modifyAssertion still has the last word", async () => {
    const w = await start({ ...client, ...ITS_ENDPOINT }, (audience) =>
      clientAuth({
        audience: "https://elsewhere.example",
        [modifyAssertion](_header: object, claims: Record<string, unknown>) {
          expect(claims["aud"]).toBe("https://elsewhere.example");
          claims["aud"] = audience;
        },
      }),
    );
    expect(await signIn(w)).toBe(200);
  });
});

test("a pushed authorization request that is refused says it too", async () => {
  const w = await start(BY_KEY, () => PrivateKeyJwt(privateKey));
  w.provider.misbehave = {
    metadata: (right) => ({
      ...right,
      pushed_authorization_request_endpoint: `${w.provider.issuer}/par`,
    }),
    intercept(req, res, next) {
      if (req.path === "/par") {
        res.status(401).json({ error: "invalid_client" });
      } else next();
    },
  };
  expect(await signIn(w)).toBe(502);
  const refused: string[] = [];
  w.kit.events.on("request.refused", ({ code, diagnosis }) => {
    refused.push(`${code} ${diagnosis}`);
  });
  await signIn(w);
  expect([...w.diagnoses, ...refused].at(-1)).toMatch(
    /^ERR_CLIENT_AUTHENTICATION .*, \{ audience: "/,
  );
});

test("under a profile no assertion for somebody else leaves the process", async () => {
  const profiled = await lyingWorld({
    client: { ...BY_KEY, idTokenSignedResponseAlg: "PS256" },
    provider: { ...WITH_NONCE, offers: { pushedRequests: "offered" } },
    kit: {
      clientSecret: undefined as never,
      idTokenSigningAlg: "PS256",
      clientAuth: PrivateKeyJwt(privateKey, {
        [modifyAssertion](_header: object, claims: Record<string, unknown>) {
          claims["aud"] = [String(claims["aud"])];
        },
      }),
      securityProfile: "fapi2",
    },
  });
  ends.push(profiled.close);
  const refused: string[] = [];
  profiled.kit.events.on("request.refused", ({ diagnosis }) => {
    refused.push(diagnosis);
  });
  await createTestBrowser().navigate(`${profiled.url}/login?return_to=/me`);
  expect(refused).toEqual([
    expect.stringContaining(
      "the assertion has another audience than the issuer, which securityProfile does not allow",
    ),
  ]);
  expect(profiled.provider.requests).not.toContain("POST /par");
});

test.each([
  [
    "op.example/token",
    "audience: must be an absolute URL, such as https://op.example/token",
  ],
  [["https://op.example/token"], "audience: must be a text"],
  [undefined, "audience: must be a text"],
])("the audience %j is refused at once", (audience, problem) => {
  const options = { audience } as never;
  for (const [call, make] of [
    ["PrivateKeyJwt", () => PrivateKeyJwt(privateKey, options)],
    ["ClientSecretJwt", () => ClientSecretJwt(CLIENT_SECRET, options)],
  ] as const) {
    expect(make).toThrow(`${call}: 1 wrong option\n  - ${problem}`);
  }
});

test("an option that does not exist is refused at once", () => {
  expect(() =>
    PrivateKeyJwt(privateKey, { aud: "https://op.example" } as never),
  ).toThrow("unknown option aud; did you mean audience?");
});

test("the test kit's provider takes an assertion of its client only", async () => {
  const provider = await testProvider({
    clients: [
      {
        ...BY_KEY,
        clientId: "app",
        clientSecret: CLIENT_SECRET,
        redirectUris: "any",
      },
    ],
  });
  ends.push(provider.close);
  const other = await generateKeyPair("ES256");
  const token = `${provider.issuer}/token`;
  const statusOf = async (form: Record<string, string>) => {
    const body = new URLSearchParams({
      grant_type: "client_credentials",
      ...form,
    });
    return (await fetch(token, { method: "POST", body })).status;
  };
  const signed = async (key: CryptoKey, claims: object = {}) => ({
    client_assertion_type:
      "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await new SignJWT({
      iss: "app",
      sub: "app",
      aud: provider.issuer,
      exp: Math.floor(Date.now() / 1000) + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256" })
      .sign(key),
  });
  expect(await statusOf(await signed(privateKey))).toBe(200);
  expect(await statusOf(await signed(other.privateKey))).toBe(401);
  expect(await statusOf(await signed(privateKey, { sub: "other" }))).toBe(401);
  expect(await statusOf(await signed(privateKey, { exp: 1 }))).toBe(401);
  expect(await statusOf({ client_assertion: "a.b.c" })).toBe(401);
  expect(
    await statusOf({ client_id: "app", client_secret: CLIENT_SECRET }),
  ).toBe(401);
});

test("an empty secret is refused at the call, before anything is loaded", () => {
  expect(() => ClientSecretJwt("")).toThrow(
    "ClientSecretJwt: 1 wrong option\n  - secret: must not be empty",
  );
});
