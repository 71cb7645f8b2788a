/** Which Logout Tokens count, and which are refused. */
import { createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { CompactEncrypt } from "jose";

import { foreignKeys } from "../../lib/testing/provider/keys.js";

import {
  type Claims,
  LOGOUT_EVENT,
  type LogoutTokenOptions,
  type LyingProvider,
  withBrokenSignature,
} from "../support/lying-provider.js";
import { CLIENT_ID, CLIENT_SECRET, closeRedis } from "../support/world.js";
import {
  withAlice,
  fromNow,
  alice,
  tokenOf,
  expectAccepted,
  expectRefused,
  expectInvalidRequest,
  TOLERANCE,
  startWorld,
  endWorld,
  w,
} from "../support/backchannel.js";

afterEach(endWorld);
afterAll(closeRedis);

test.each(["RSA-OAEP-256", "RSA-OAEP"])(
  "BCL-03: an encrypted token (%s) is refused",
  async (alg) => {
    await withAlice();
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const token = await new CompactEncrypt(Buffer.from(tokenOf()))
      .setProtectedHeader({ alg, enc: "A256GCM", cty: "JWT" })
      .encrypt(publicKey);
    await expectRefused(await w.postToken(token));
  },
);

test("BCL-03: the documentation says so", () => {
  const docs = join(import.meta.dirname, "../../docs/providers.md");
  expect(readFileSync(docs, "utf8")).toMatch(/encrypts logout tokens/i);
});

test("BCL-03: an encrypted token is refused also when its header names the algorithm of a signature", async () => {
  await withAlice();
  const header = Buffer.from(
    JSON.stringify({ alg: "RS256", enc: "A256GCM" }),
  ).toString("base64url");
  await expectRefused(await w.postToken(`${header}.AAAA.AAAA.AAAA.AAAA`));
});

describe("BCL-04: the signature", () => {
  const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });

  test.each<[string, (provider: LyingProvider) => LogoutTokenOptions]>([
    ["that was altered", () => ({ token: withBrokenSignature })],
    [
      "that was cut off",
      () => ({ token: (token) => token.replace(/\.[^.]*$/, ".") }),
    ],
    ["of a foreign key under a published kid", () => ({ key: "foreign" })],
    ["of a foreign key under its own kid", () => ({ key: "foreign-kid" })],
    [
      "of a foreign key without a kid",
      () => ({ key: "foreign", header: { kid: undefined } }),
    ],
    [
      "of a foreign key that the header has in jwk",
      () => ({
        key: "foreign",
        header: { jwk: foreignKeys().rsa.jwk, kid: undefined },
      }),
    ],
    [
      "of a foreign key that the header has in jwk, under a published kid",
      () => ({
        key: "foreign",
        header: { jwk: foreignKeys().rsa.jwk },
      }),
    ],
    [
      "of another claim set",
      ({ sign }) => ({
        token: (token) => {
          const [header = "", , signature = ""] = sign({ sub: "bob" }).split(
            ".",
          );
          return [header, token.split(".")[1], signature].join(".");
        },
      }),
    ],
    [
      "of a foreign key, with its certificate in x5c",
      () => ({
        key: "foreign",
        header: {
          x5c: [
            stranger.publicKey
              .export({ type: "spki", format: "der" })
              .toString("base64"),
          ],
        },
      }),
    ],
  ])("BCL-04: a token with the signature %s is refused", async (_what, lie) => {
    await withAlice();
    await expectRefused(await w.postToken(tokenOf(lie(w.provider))));
  });

  // Shows: ASVS 9.1.3
  test.each(["jku", "x5u"])(
    "BCL-04: the address of keys in %s is never asked",
    async (parameter) => {
      await withAlice({
        misbehave: {
          intercept: (req, res, next) => {
            if (req.path === "/foreign") res.json({ keys: [] });
            else next();
          },
        },
      });
      const answer = await w.postToken(
        tokenOf({
          key: "foreign-kid",
          header: { [parameter]: `${w.provider.issuer}/foreign` },
        }),
      );
      await expectRefused(answer);
      expect(w.provider.requests).not.toContain("GET /foreign");
    },
  );

  test.each([
    ["an unknown extension", { crit: ["unheard-of"], "unheard-of": 1 }],
    ["b64", { crit: ["b64"], b64: false }],
    ["nothing", { crit: [] }],
  ])(
    "BCL-04: a token whose crit names %s is refused",
    async (_what, header) => {
      await withAlice();
      await expectRefused(await w.postToken(tokenOf({ header })));
    },
  );

  test("BCL-04: a key that is published for encryption signs nothing", async () => {
    await withAlice();
    const [encryption] = w.provider.keys.jwks.filter(
      ({ use, kty }) => use === "enc" && kty === "RSA",
    );
    await expectRefused(
      await w.postToken(tokenOf({ header: { kid: encryption?.kid } })),
    );
  });

  test("BCL-04: a token signed with a new key is accepted at once", async () => {
    await withAlice();
    await w.provider.rotateKeys();
    await expectAccepted(await w.postToken(tokenOf()));
  });

  test("BCL-04: a token that comes before the first login is verified too", async () => {
    await startWorld();
    const good = w.provider.logoutToken({ sub: "alice" });
    expect((await w.postToken(good)).status).toBe(200);
    const bad = w.provider.logoutToken({ sub: "alice", key: "foreign" });
    await expectInvalidRequest(await w.postToken(bad));
  });
});

describe("BCL-05: the algorithm", () => {
  test.each(["none", "ES256", "PS256", "RS384", "EdDSA", "HS256"])(
    "BCL-05: %s is refused where RS256 is registered",
    async (alg) => {
      await withAlice();
      await expectRefused(
        await w.postToken(tokenOf({ header: { alg } })),
        /alg/,
      );
    },
  );

  test.each(["None", "NONE", "", "rs256", 1, null, ["RS256"], undefined])(
    "BCL-05: the alg %j is refused",
    async (alg) => {
      await withAlice();
      await expectRefused(
        await w.postToken(withHeader(tokenOf(), { alg })),
        /alg|JWT/,
      );
    },
  );

  test.each<[string, (provider: LyingProvider) => string | Buffer]>([
    [
      "as PEM",
      ({ keys }) =>
        createPublicKey(keys.rsa.privateKey)
          .export({ type: "spki", format: "pem" })
          .toString(),
    ],
    [
      "as DER",
      ({ keys }) =>
        createPublicKey(keys.rsa.privateKey).export({
          type: "spki",
          format: "der",
        }),
    ],
    ["as JWK", ({ keys }) => JSON.stringify(keys.rsa.jwk)],
  ])(
    "BCL-05: a MAC with the public key %s as its secret is refused",
    async (_what, secret) => {
      await withAlice();
      const key = Buffer.from(secret(w.provider));
      await expectRefused(
        await w.postToken(tokenOf({ header: { alg: "HS256" }, key })),
        /alg/,
      );
    },
  );

  test.each(["ES256", "PS256", "EdDSA", "HS256"])(
    "BCL-05: %s is accepted where it is registered, and RS256 is not",
    async (idTokenSigningAlg) => {
      await withAlice({
        kit: { idTokenSigningAlg },
        client: () => ({ idTokenSignedResponseAlg: idTokenSigningAlg }),
      });
      await expectRefused(
        await w.postToken(tokenOf({ header: { alg: "RS256" } })),
        /alg/,
      );
      await expectAccepted(await w.postToken(tokenOf()));
    },
  );

  test("BCL-05: where HS256 is registered, another secret is refused", async () => {
    await withAlice({
      kit: { idTokenSigningAlg: "HS256" },
      client: () => ({ idTokenSignedResponseAlg: "HS256" }),
    });
    const key = Buffer.from(`${CLIENT_SECRET}1`);
    await expectRefused(await w.postToken(tokenOf({ key })));
  });
});

describe("BCL-06: iss, aud, iat, exp", () => {
  // Shows: ASVS 9.2.3
  test.each<[string, (right: Claims) => Claims]>([
    ["iss is another", (c) => ({ iss: `${String(c["iss"])}/` })],
    ["iss is missing", () => ({ iss: undefined })],
    ["iss is a list", (c) => ({ iss: [c["iss"]] })],
    ["aud is another client", () => ({ aud: "another" })],
    ["aud has another client", () => ({ aud: [CLIENT_ID, "another"] })],
    ["aud has something else", () => ({ aud: [CLIENT_ID, 1] })],
    ["aud is a list of others", () => ({ aud: ["another"] })],
    ["aud is empty", () => ({ aud: [] })],
    ["aud is null", () => ({ aud: null })],
    ["aud is missing", () => ({ aud: undefined })],
    ["aud is an object", () => ({ aud: { [CLIENT_ID]: true } })],
    ["iat is missing", () => ({ iat: undefined })],
    ["iat is a string", () => ({ iat: String(fromNow(0)) })],
    ["iat is null", () => ({ iat: null })],
    ["iat is in the future", () => ({ iat: fromNow(TOLERANCE + 5) })],
    ["iat is in milliseconds", () => ({ iat: Date.now() })],
    ["exp is missing", () => ({ exp: undefined })],
    ["exp is past", () => ({ exp: fromNow(-TOLERANCE - 1) })],
    ["exp is a string", () => ({ exp: String(fromNow(120)) })],
    ["exp is null", () => ({ exp: null })],
    ["nbf is in the future", () => ({ nbf: fromNow(TOLERANCE + 60) })],
  ])("BCL-06: refused when %s", async (_what, change) => {
    await withAlice();
    const claims = (right: Claims) => ({ ...right, ...change(right) });
    await expectRefused(await w.postToken(tokenOf({ claims })));
  });

  test.each<[string, () => Claims]>([
    ["aud is a list of this client alone", () => ({ aud: [CLIENT_ID] })],
    [
      "iat is in the future, within the tolerance",
      () => ({ iat: fromNow(TOLERANCE - 5) }),
    ],
    ["exp is past, within the tolerance", () => ({ exp: fromNow(-20) })],
    ["iat has a fraction", () => ({ iat: fromNow(0) - 0.5 })],
  ])("BCL-06: accepted when %s", async (_what, claims) => {
    await withAlice();
    await expectAccepted(await w.postToken(tokenOf({ claims: claims() })));
  });

  test("BCL-06: with requireExpiry false, a token without exp is accepted while it is young", async () => {
    await withAlice({ kit: { backchannelLogout: { requireExpiry: false } } });
    const claims = { exp: undefined, iat: fromNow(-100) };
    await expectAccepted(await w.postToken(tokenOf({ claims })));
  });

  test.each<[string, () => Claims]>([
    ["exp is past", () => ({ exp: fromNow(-TOLERANCE - 1) })],
    ["exp is a string", () => ({ exp: "soon" })],
    ["exp is null", () => ({ exp: null })],
    [
      "without exp, iat is old",
      () => ({ exp: undefined, iat: fromNow(-120 - TOLERANCE - 1) }),
    ],
    ["without exp, iat is missing", () => ({ exp: undefined, iat: undefined })],
  ])(
    "BCL-06: with requireExpiry false, still refused when %s",
    async (_what, claims) => {
      await withAlice({ kit: { backchannelLogout: { requireExpiry: false } } });
      await expectRefused(await w.postToken(tokenOf({ claims: claims() })));
    },
  );
});

describe("BCL-07: sub and sid", () => {
  test("BCL-07: a token with neither is refused", async () => {
    await withAlice();
    const claims = { sub: undefined, sid: undefined };
    await expectRefused(
      await w.postToken(tokenOf({ claims })),
      /neither sub nor sid/,
    );
  });

  test.each(["sub", "sid"])("BCL-07: %s alone is enough", async (name) => {
    await withAlice();
    const claims = name === "sub" ? { sid: undefined } : { sub: undefined };
    await expectAccepted(await w.postToken(tokenOf({ claims })));
  });

  const odd: [string, unknown][] = [
    ["empty", ""],
    ["null", null],
    ["a number", 7],
    ["a list", ["alice"]],
    ["an object", {}],
    ["300 characters long", "s".repeat(300)],
  ];
  // Shows: ASVS 15.3.5
  test.each(
    ["sub", "sid", "jti"].flatMap((name) =>
      odd.map(([what, value]) => [name, what, value] as const),
    ),
  )("BCL-07, BCL-10: refused when %s is %s", async (name, _what, value) => {
    await withAlice();
    const claims = { [name]: value };
    await expectRefused(
      await w.postToken(tokenOf({ claims })),
      new RegExp(`\\b${name}\\b`),
    );
  });
});

describe("BCL-08: events", () => {
  // Shows: ASVS 10.5.5
  test.each<[string, unknown]>([
    ["missing", undefined],
    ["null", null],
    ["a text", LOGOUT_EVENT],
    ["a list", [LOGOUT_EVENT]],
    ["a list of an object", [{ [LOGOUT_EVENT]: {} }]],
    ["empty", {}],
    ["without the event", { "urn:example:another": {} }],
    ["with the event in another case", { [LOGOUT_EVENT.toUpperCase()]: {} }],
    ["with a text for the event", { [LOGOUT_EVENT]: "" }],
    ["with true for the event", { [LOGOUT_EVENT]: true }],
    ["with null for the event", { [LOGOUT_EVENT]: null }],
    ["with a list for the event", { [LOGOUT_EVENT]: [] }],
  ])("BCL-08: refused when it is %s", async (_what, events) => {
    await withAlice();
    await expectRefused(
      await w.postToken(tokenOf({ claims: { events } })),
      /events/,
    );
  });

  test.each<[string, unknown]>([
    ["another event beside", { [LOGOUT_EVENT]: {}, "urn:example:more": {} }],
    ["members in the event", { [LOGOUT_EVENT]: { reason: "ended" } }],
  ])("BCL-08: accepted with %s", async (_what, events) => {
    await withAlice();
    await expectAccepted(await w.postToken(tokenOf({ claims: { events } })));
  });
});

// Shows: ASVS 10.5.5
test.each(["a nonce", "", null, 0, false])(
  "BCL-09: a token with the nonce %j is refused",
  async (nonce) => {
    await withAlice();
    await expectRefused(
      await w.postToken(tokenOf({ claims: { nonce } })),
      /nonce/,
    );
  },
);

test.each([
  { sub: "nobody" },
  { sid: "nothing" },
  { sub: "nobody", sid: "nothing" },
])(
  "BCL-11: %j, which no login has, is a success without effect",
  async (claims) => {
    await withAlice();
    const answer = await w.postLogout(claims);
    expect(answer.status).toBe(200);
    expect(await w.isSignedIn()).toBe(true);
    expect(w.app.ended).toEqual([]);
  },
);

describe("BCL-12: typ", () => {
  test.each([
    undefined,
    "JWT",
    "jwt",
    "logout+jwt",
    "LOGOUT+JWT",
    "application/logout+jwt",
  ])("BCL-12: %s is accepted", async (typ) => {
    await withAlice();
    await expectAccepted(await w.postToken(tokenOf({ header: { typ } })));
  });

  const others: unknown[] = [
    "at+jwt",
    "application/at+jwt",
    "application/jwt",
    "id_token+jwt",
    "secevent+jwt",
    "dpop+jwt",
    "jws",
    "JOSE",
    "",
    "logout+jwt ",
    "application/application/logout+jwt",
    "text/logout+jwt",
    5,
    {},
    [],
    ["logout+jwt"],
    true,
  ];
  test.each(others)("BCL-12: %j is refused", async (typ) => {
    await withAlice();
    await expectRefused(
      await w.postToken(tokenOf({ header: { typ } })),
      /typ|JWT/,
    );
  });

  test.each(["logout+jwt", "Logout+JWT", "application/logout+jwt"])(
    "BCL-12: with requireType, %s is accepted",
    async (typ) => {
      await withAlice({ kit: { backchannelLogout: { requireType: true } } });
      await expectAccepted(await w.postToken(tokenOf({ header: { typ } })));
    },
  );

  // Shows: ASVS 10.5.5
  test.each([undefined, null, "JWT", "application/jwt", "at+jwt"])(
    "BCL-12: with requireType, %j is refused",
    async (typ) => {
      await withAlice({ kit: { backchannelLogout: { requireType: true } } });
      await expectRefused(
        await w.postToken(tokenOf({ header: { typ } })),
        /typ/,
      );
    },
  );
});

test("BCL-20: claims that nobody knows are ignored", async () => {
  await withAlice();
  const claims = {
    ignored_claim: "ignored",
    "urn:example:claim": { a: [1, null] },
    toe: fromNow(0),
    txn: randomUUID(),
    constructor: 1,
    trace_id: null,
  };
  await expectAccepted(await w.postToken(tokenOf({ claims })));
});

describe("BCL-21: the age of a token", () => {
  // Shows: ASVS 10.5.5
  test("BCL-21: issued more than two minutes ago, it is refused whatever exp says", async () => {
    await withAlice();
    const claims = { iat: fromNow(-120 - TOLERANCE - 1), exp: fromNow(3600) };
    await expectRefused(
      await w.postToken(tokenOf({ claims })),
      /issued too long ago/,
    );
  });

  test("BCL-21: within two minutes it is accepted", async () => {
    await withAlice();
    const claims = { iat: fromNow(-118), exp: fromNow(60) };
    await expectAccepted(await w.postToken(tokenOf({ claims })));
  });
});

describe("BCL-22: tokens of another kind", () => {
  // Shows: ASVS 9.2.2
  test("BCL-22: the login's own ID Token is no logout token", async () => {
    await withAlice();
    const [idToken = ""] = w.provider.idTokens.keys();
    await expectRefused(await w.postToken(idToken));
  });

  test("BCL-22: an ID Token without nonce and typ is no logout token", async () => {
    await withAlice();
    const idToken = w.provider.sign({
      iss: w.provider.issuer,
      ...alice(),
      aud: CLIENT_ID,
      iat: fromNow(0),
      exp: fromNow(120),
      jti: randomUUID(),
    });
    await expectRefused(await w.postToken(idToken), /events/);
  });

  // Shows: AT-02
  test("BCL-22: an access token is no logout token, as a JWT or not", async () => {
    await withAlice();
    const jwt = tokenOf({ header: { typ: "at+jwt" } });
    await expectRefused(await w.postToken(jwt), /typ/);
    await expectRefused(await w.postToken(randomUUID()), /not a signed JWT/);
  });

  test.each(["logout+jwt", undefined])(
    "BCL-22: a logout token (typ %s) is no ID Token",
    async (typ) => {
      await startWorld();
      w.provider.misbehave = {
        tokenResponse: (right) => ({
          ...right,
          id_token: tokenOf({ header: { typ } }),
        }),
      };
      const page = await w.signIn("alice");
      expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
      expect(await w.isSignedIn()).toBe(false);
    },
  );

  test("BCL-22: typ logout+jwt alone makes an ID Token unusable", async () => {
    await startWorld({
      misbehave: { idToken: { header: { typ: "logout+jwt" } } },
    });
    const page = await w.signIn("alice");
    expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  });
});

/** The token under another header, with the signature of the old one. */
function withHeader(
  token: string,
  change: Readonly<Record<string, unknown>>,
): string {
  const [header = "", ...rest] = token.split(".");
  const right = JSON.parse(
    Buffer.from(header, "base64url").toString(),
  ) as object;
  const wrong = JSON.stringify({ ...right, ...change });
  return [Buffer.from(wrong).toString("base64url"), ...rest].join(".");
}
