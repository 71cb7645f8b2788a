/** ID Tokens, UserInfo, logout tokens and answers that the provider encrypts for the application (JWE). */
import {
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from "node:crypto";

import { afterEach, describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";

import {
  type DecryptionKey,
  type DecryptionKeys,
  loginOf,
  type LoginKitOptions,
  publicKeys,
} from "../../lib/index.js";
import { encrypted } from "../../lib/testing/provider/encrypt.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import type {
  LyingProviderClient,
  Misbehaviour,
} from "../support/lying-provider.js";
import { lyingWorld } from "../support/lying-world.js";
import { pressLogout, providerAddressIn } from "../support/sign-out.js";
import { createTestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { answerOf, isCallback, world } from "../support/world.js";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  releaseClock();
  for (const end of ends.splice(0)) await end();
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey;
const x25519 = generateKeyPairSync("x25519").privateKey;

const publicOf = (key: KeyObject): JsonWebKey =>
  createPublicKey(key).export({ format: "jwk" });

/** An application whose provider encrypts for a key. */
async function start(
  decryptionKeys: DecryptionKeys,
  client: Partial<LyingProviderClient> = { encryptionKey: publicOf(rsa) },
  kit: Partial<LoginKitOptions> = {},
) {
  const w = await lyingWorld({
    client,
    provider: { offers: { signedResponses: "offered" } },
    kit: { decryptionKeys, scope: "openid profile", ...kit },
    routes(app, { requireAuth }) {
      app.get("/claims", requireAuth(), (req, res) => {
        res.json(loginOf(req).claims);
      });
      app.get("/token", requireAuth(), async (req, res) => {
        await loginOf(req).accessToken();
        res.json({});
      });
    },
  });
  ends.push(w.close);
  const errors: Error[] = [];
  w.kit.events.on("error", (error) => errors.push(error));
  const browser = createTestBrowser();
  return {
    ...w,
    browser,
    errors,
    async signInPage() {
      const page = await browser.navigate(
        `${w.url}/login?return_to=/me&login_hint=alice`,
      );
      if (!page.body.includes("document.forms[0].submit()")) return page;
      return browser.submitForm(page, {}, { initiator: page.url });
    },
    async hint(): Promise<string> {
      const answer = await pressLogout(browser, w.url);
      const address = providerAddressIn(answer);
      expect((await fetch(address, { redirect: "manual" })).status).toBe(303);
      return address.searchParams.get("id_token_hint") ?? "";
    },
  };
}

type World = Awaited<ReturnType<typeof start>>;

async function expectSignedIn(w: World): Promise<void> {
  expect((await w.signInPage()).body).toContain('"sub":"alice"');
}

async function expectRefused(w: World, code: string): Promise<void> {
  expect((await w.signInPage()).body).toContain(code);
  expect(await w.statusFor(w.browser)).toBe(401);
}

describe("encrypted ID Tokens", () => {
  test.each<[string, KeyObject]>([
    ["RSA-OAEP-256", rsa],
    ["ECDH-ES with P-256", ec],
    ["ECDH-ES with P-521", p521],
    ["ECDH-ES with X25519", x25519],
  ])("CORE-18: %s is opened", async (_algorithm, key) => {
    await expectSignedIn(await start(key, { encryptionKey: publicOf(key) }));
  });

  // Shows: CORE-18, ERR_ID_TOKEN_INVALID
  test.each<[string, Misbehaviour]>([
    ["in plain where encryption is registered", { encryption: { none: true } }],
    ["for another key", { encryption: { key: publicOf(otherRsa) } }],
    ["for a key of another kind", { encryption: { key: publicOf(ec) } }],
    ["by RSA1_5", { encryption: { header: { alg: "RSA1_5" } } }],
    ["by dir", { encryption: { header: { alg: "dir" } } }],
    ["by A256KW", { encryption: { header: { alg: "A256KW" } } }],
    ["without alg", { encryption: { header: { alg: undefined } } }],
    ["with content by A256CTR", { encryption: { header: { enc: "A256CTR" } } }],
    [
      "compressed before it is encrypted",
      { encryption: { header: { zip: "DEF" } } },
    ],
    [
      "with an extension that must be understood",
      { encryption: { header: { crit: ["exp"], exp: 1 } } },
    ],
    ["that is not signed", { idToken: { header: { alg: "none" } } }],
    ["that a stranger signed", { idToken: { key: "foreign" } }],
    ["that is empty", { idToken: { token: () => "" } }],
    [
      "that holds another encrypted one",
      { idToken: { token: (token) => `${token}.more.parts` } },
    ],
    [
      "that was changed",
      {
        tokenResponse: ({ id_token: token, ...others }) => ({
          ...others,
          id_token: String(token).replace(/\.[^.]{4}/g, ".AAAA"),
        }),
      },
    ],
  ])("one %s is refused", async (_what, misbehave) => {
    const w = await start(rsa);
    w.provider.misbehave = misbehave;
    await expectRefused(w, "ERR_ID_TOKEN_INVALID");
  });

  test("without decryptionKeys every one is refused", async () => {
    const w = await start(undefined as never);
    await expectRefused(w, "ERR_ID_TOKEN_INVALID");
  });

  test("one in plain is accepted where encryptedAnswers says that it may come so", async () => {
    const w = await start(rsa, {}, { encryptedAnswers: ["userInfo"] });
    w.provider.misbehave = {};
    await expectRefused(w, "ERR_USERINFO_INVALID");
    const none = await start(rsa, {}, { encryptedAnswers: [] });
    await expectSignedIn(none);
  });

  test.each<[string, DecryptionKeys, string | undefined]>([
    ["without names", [otherRsa, rsa], undefined],
    [
      "by its name",
      [
        { key: otherRsa, kid: "new" },
        { key: rsa, kid: "old" },
      ],
      "old",
    ],
    ["a key without a name for any name", [otherRsa, rsa], "some-name"],
  ])(
    "while keys change the right one is found: %s",
    async (_how, keys, kid) => {
      const encryptionKey = { ...publicOf(rsa), kid };
      await expectSignedIn(await start(keys, { encryptionKey }));
    },
  );

  test("one for a name that no key has is refused", async () => {
    const encryptionKey = { ...publicOf(rsa), kid: "unknown" };
    const w = await start({ key: rsa, kid: "known" }, { encryptionKey });
    await expectRefused(w, "ERR_ID_TOKEN_INVALID");
  });

  test("RPIL-01: the provider's logout gets the signed one as a hint, and takes it", async () => {
    const w = await start(rsa);
    await expectSignedIn(w);
    expect(decodeJwt(await w.hint()).sub).toBe("alice");
  });
});

describe("after a refresh", () => {
  const refreshed = async (misbehave: Misbehaviour) => {
    takeClock();
    const w = await start(rsa);
    await expectSignedIn(w);
    w.provider.misbehave = misbehave;
    passSeconds(301);
    expect((await w.browser.fetchJson(`${w.url}/token`)).status).toBe(200);
    w.provider.misbehave = {};
    return w;
  };

  test("CORE-48: an encrypted ID Token is opened, and is the new hint", async () => {
    const w = await refreshed({ idToken: { claims: { mark: "new" } } });
    expect(w.errors).toEqual([]);
    expect(decodeJwt(await w.hint())["mark"]).toBe("new");
  });

  test("one in plain is dropped, and costs neither login nor token", async () => {
    const w = await refreshed({
      idToken: { claims: { mark: "new" } },
      encryption: { none: true },
    });
    expect(w.errors).toMatchObject([{ code: "ERR_ID_TOKEN_INVALID" }]);
    expect(decodeJwt(await w.hint())["mark"]).toBeUndefined();
  });
});

describe("encrypted UserInfo", () => {
  const client = { encryptionKey: publicOf(rsa), encryptsUserInfo: true };
  const kit = { encryptedAnswers: ["idToken", "userInfo"] } as const;

  test("CORE-40: a signed JWT in it is opened, and counts", async () => {
    const w = await start(rsa, client, kit);
    await expectSignedIn(w);
    const claims = await w.browser.fetchJson(`${w.url}/claims`);
    expect(await claims.json()).toMatchObject({ sub: "alice", name: "alice" });
  });

  test("one in plain is refused where encryptedAnswers names it", async () => {
    const w = await start(rsa, { ...client, encryptsUserInfo: false }, kit);
    await expectRefused(w, "ERR_USERINFO_INVALID");
  });

  test.each([
    ["of somebody else", { sub: "bob" }, "published"],
    ["for another client", { aud: "another" }, "published"],
    ["that a stranger signed", {}, "foreign"],
  ] as const)("one %s is refused", async (_what, claims, key) => {
    const w = await start(rsa, client, kit);

    w.provider.misbehave = {
      userinfo: (right) =>
        encrypted(
          w.provider.sign(
            { ...right, iss: w.provider.issuer, aud: "shop", ...claims },
            { key },
          ),
          publicOf(rsa),
        ),
    };
    await expectRefused(w, "ERR_USERINFO_INVALID");
  });
});

describe("encrypted logout tokens", () => {
  const posted = async (misbehave: Misbehaviour) => {
    const w = await start(rsa);
    await expectSignedIn(w);
    w.provider.misbehave = misbehave;
    const sid = w.provider.sidOf("alice");
    const token = w.provider.logoutToken({ sub: "alice", sid });
    const { status } = await w.provider.postLogoutToken(
      `${w.url}/backchannel-logout`,
      token,
    );
    return { status, me: await w.statusFor(w.browser) };
  };

  test("BCL-03: one is opened, and ends the login", async () => {
    expect(await posted({})).toEqual({ status: 200, me: 401 });
  });

  test("BCL-03: one in plain does so too", async () => {
    const misbehave = { encryption: { none: true } };
    expect(await posted(misbehave)).toEqual({ status: 200, me: 401 });
  });

  test.each<[string, Misbehaviour]>([
    ["for another key", { encryption: { key: publicOf(otherRsa) } }],
    ["by RSA1_5", { encryption: { header: { alg: "RSA1_5" } } }],
  ])("BCL-03: one %s ends nothing", async (_what, misbehave) => {
    expect(await posted(misbehave)).toEqual({ status: 400, me: 200 });
  });
});

describe.each(["query.jwt", "form_post.jwt"] as const)(
  "encrypted answers by %s",
  (responseMode) => {
    const client = { encryptionKey: publicOf(rsa), encryptsResponses: true };
    const kit: Partial<LoginKitOptions> = {
      responseMode,
      encryptedAnswers: ["idToken", "authorizationResponse"],
    };

    test("JARM-05: one is opened, and counts", async () => {
      const w = await start(rsa, client, kit);
      await expectSignedIn(w);
      w.provider.next = { authorizationResponse: { error: "access_denied" } };
      await w.browser.fetchJson(`${w.url}/logout`, { method: "POST" });
      await expectRefused(w, "ERR_ACCESS_DENIED");
    });

    // Shows: JARM-05, ERR_CALLBACK_MALFORMED
    test.each<[string, Misbehaviour, string]>([
      [
        "in plain",
        { encryption: { none: true } },
        "it is not encrypted, and encryptedAnswers names authorizationResponse",
      ],
      [
        "for another key",
        { encryption: { key: publicOf(otherRsa) } },
        "no key of decryptionKeys opens it",
      ],
      [
        "by RSA1_5",
        { encryption: { header: { alg: "RSA1_5" } } },
        "it is encrypted by RSA1_5",
      ],
      [
        "compressed before it is encrypted",
        { encryption: { header: { zip: "DEF" } } },
        "it is compressed",
      ],
      [
        "that is not signed",
        { responseToken: { header: { alg: "none" } } },
        "it is signed with another algorithm",
      ],
      [
        "that a stranger signed",
        { responseToken: { key: "foreign" } },
        "signature verification failed",
      ],
      [
        "for another client",
        { responseToken: { claims: { aud: "another" } } },
        'unexpected "aud"',
      ],
      [
        "that holds no JWT",
        { responseToken: { token: () => "{}" } },
        "is not a JWT",
      ],
    ])(
      "JARM-05: one %s is refused, before the token request",
      async (_what, misbehave, told) => {
        const w = await start(rsa, client, kit);
        const diagnoses: string[] = [];
        w.kit.events.on("login.failed", ({ diagnosis }) => {
          diagnoses.push(diagnosis);
        });
        w.provider.misbehave = misbehave;
        await expectRefused(w, "ERR_CALLBACK_MALFORMED");
        expect(diagnoses).toEqual([expect.stringContaining(told)]);
        expect(w.provider.requests).not.toContain("POST /token");
      },
    );

    test("one in plain is accepted where encryptedAnswers does not name it", async () => {
      const plain = { ...client, encryptsResponses: false };
      await expectSignedIn(await start(rsa, plain, { responseMode }));
      await expectSignedIn(await start(rsa, client, { responseMode }));
    });
  },
);

test("without decryptionKeys an encrypted answer is refused", async () => {
  const w = await start(
    undefined as never,
    { encryptionKey: publicOf(rsa), encryptsResponses: true },
    { responseMode: "query.jwt" },
  );
  await expectRefused(w, "ERR_CALLBACK_MALFORMED");
});

describe("oidc-provider encrypts answers and ID Tokens", () => {
  test.each<[string, KeyObject]>([
    ["RSA-OAEP-256", rsa],
    ["ECDH-ES", ec],
  ])("JARM-05: by %s, and the user signs in", async (alg, key) => {
    const w = await world({
      embedded: true,
      client: (appUrl) => ({
        jwks_uri: `${appUrl}/keys`,
        authorization_signed_response_alg: "RS256",
        authorization_encrypted_response_alg: alg as "RSA-OAEP-256",
        authorization_encrypted_response_enc: "A256GCM",
        id_token_encrypted_response_alg: alg as "RSA-OAEP-256",
        id_token_encrypted_response_enc: "A128CBC-HS256",
      }),
      routes: (app) =>
        app.get("/keys", async (_req, res) => {
          res.json(await publicKeys(key, { use: "enc" }));
        }),
      provider: {
        features: {
          encryption: { enabled: true },
          jwtResponseModes: { enabled: true },
        },
      },
      kit: {
        responseMode: "query.jwt",
        decryptionKeys: key,
        encryptedAnswers: ["idToken", "authorizationResponse"],
      },
    });
    ends.push(w.close);
    const answer = await w.signIn({ stopBefore: isCallback });
    const { searchParams } = answerOf(answer);
    expect(searchParams.get("response")?.split(".")).toHaveLength(5);
    expect((await w.signIn()).body).toContain('"sub":"alice"');
  });
});

describe("decryptionKeys that a function gives", () => {
  test("change without a restart: the old one, both, and the new one alone", async () => {
    const oldKey = { key: rsa, kid: "old" };
    const newKey = { key: otherRsa, kid: "new" };
    let keys: DecryptionKey | DecryptionKey[] = oldKey;
    let asked = 0;
    const encryptionKey = { ...publicOf(rsa), kid: "old" };
    const w = await start(
      () => {
        asked += 1;
        return Promise.resolve(keys);
      },
      { encryptionKey },
    );
    const registerNew = () => {
      // The provider reads the client's keys anew.
      w.provider.misbehave = {
        encryption: { key: publicOf(otherRsa), header: { kid: "new" } },
      };
    };
    await expectSignedIn(w);
    expect(asked).toBe(1);
    keys = [newKey, oldKey];
    await expectSignedIn(w);
    registerNew();
    await expectSignedIn(w);
    keys = newKey;
    await expectSignedIn(w);
    w.provider.misbehave = {};
    expect((await w.signInPage()).body).toContain("ERR_ID_TOKEN_INVALID");
  });

  test("where it never answers a refresh stores its new tokens all the same", async () => {
    takeClock();
    let isSilent = false;
    const w = await start(
      () => (isSilent ? new Promise<never>(() => undefined) : rsa),
      undefined,
      { providerTimeoutSeconds: 1 },
    );
    await expectSignedIn(w);
    passSeconds(301);
    isSilent = true;
    await until("the new token is there", async () => {
      const { status } = await w.browser.fetchJson(`${w.url}/token`);
      return status === 200;
    });
    expect(w.errors.map(({ message }) => message)).toContain(
      "the function decryptionKeys failed: it did not answer within providerTimeoutSeconds",
    );
  });

  // Shows: ERR_PROVIDER_UNAVAILABLE
  test("where it fails nothing is refused for good, and the failure is told", async () => {
    let isAway = false;
    const w = await start(() => {
      if (isAway) throw new Error("the key service is away");
      return rsa;
    });
    await expectSignedIn(w);
    const sid = w.provider.sidOf("alice");
    const token = w.provider.logoutToken({ sub: "alice", sid });
    const logout = async () => {
      const { status } = await w.provider.postLogoutToken(
        `${w.url}/backchannel-logout`,
        token,
      );
      return status;
    };
    isAway = true;
    expect(await logout()).toBe(503);
    const diagnoses: string[] = [];
    w.kit.events.on("login.failed", ({ code, diagnosis }) => {
      diagnoses.push(`${code} ${diagnosis}`);
    });
    const page = await createTestBrowser().navigate(`${w.url}/login`);
    expect(page.response.status).toBe(503);
    expect(diagnoses).toEqual([
      "ERR_PROVIDER_UNAVAILABLE the function decryptionKeys failed: the key service is away",
    ]);
    isAway = false;
    expect(await logout()).toBe(200);
    expect(await w.statusFor(w.browser)).toBe(401);
  });
});
