import { createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import express, { type RequestHandler } from "express";
import { CompactEncrypt } from "jose";
import { createClient } from "redis";

import { ConfigError, createLoginKit, logEvents } from "../../lib/index.js";
import { NOTE } from "../../lib/stores/redis/redis-scripts.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { leaveEmptyBody } from "../support/empty-body.js";
import {
  type LogoutWorld,
  logoutWorld,
  type LogoutWorldOptions,
} from "../support/logout-world.js";
import {
  type Claims,
  LOGOUT_EVENT,
  type LogoutTokenOptions,
  type LyingProvider,
  withBrokenSignature,
} from "../support/lying-provider.js";
import { lyingKitOptions } from "../support/lying-world.js";
import { redisCommand } from "../support/redis-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import { createTestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { CLIENT_ID, CLIENT_SECRET, closeRedis } from "../support/world.js";

/** Accepted difference between the clocks, by default. Seconds. */
const TOLERANCE = 30;

let w: LogoutWorld;
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

/** A world where alice has signed in. */
async function withAlice(
  options: LogoutWorldOptions = {},
): Promise<LogoutWorld> {
  w = await logoutWorld({ ...options, signedInAs: "alice" });
  return w;
}

const fromNow = (seconds: number): number =>
  Math.floor(Date.now() / 1000) + seconds;

/** Whom a token names that is to end alice's login. */
const alice = () => ({ sub: "alice", sid: w.provider.sidOf("alice") });

/** A right token for alice's login, less what is changed. */
const tokenOf = (change: LogoutTokenOptions = {}): string =>
  w.provider.logoutToken({ ...alice(), ...change });

async function expectAccepted(answer: Response): Promise<void> {
  expect(await answer.text()).toBe("");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await w.isSignedIn()).toBe(false);
}

/** Refused as the specification wants it, and alice is still signed in. */
async function expectRefused(answer: Response, reason = /./): Promise<void> {
  await expectInvalidRequest(answer, reason);
  expect(await w.isSignedIn()).toBe(true);
  expect(w.app.ended).toEqual([]);
}

async function expectInvalidRequest(
  answer: Response,
  reason = /./,
): Promise<void> {
  const body = await answer.text();
  expect(body).toMatch(/^\{/);
  expect(JSON.parse(body)).toMatchObject({
    error: "invalid_request",
    error_description: expect.stringMatching(reason),
    code: "ERR_LOGOUT_TOKEN_INVALID",
  });
  expect(answer.status).toBe(400);
  expect(answer.headers.get("content-type")).toMatch(
    /^application\/(?:problem\+)?json/,
  );
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

/** Posts anything to the endpoint. */
const send = (init: RequestInit, query = ""): Promise<Response> =>
  fetch(`${w.app.url}/backchannel-logout${query}`, {
    method: "POST",
    redirect: "manual",
    ...init,
  });

const FORM = { "content-type": "application/x-www-form-urlencoded" };

describe("BCL-01: the address to register", () => {
  test("BCL-01: is baseUrl and the path, so it is absolute", async () => {
    await withAlice({ kit: { paths: { backchannelLogout: "/oidc/out" } } });
    const address = new URL("/oidc/out", w.app.url);
    await expectAccepted(
      await w.provider.postLogoutToken(address.href, tokenOf()),
    );
  });

  test.each([
    ["fragment", "/backchannel-logout#part"],
    ["host of another", "//evil.example/backchannel-logout"],
    ["scheme", "https://evil.example/backchannel-logout"],
  ])("BCL-01: has no %s", async (_what, backchannelLogout) => {
    w = await logoutWorld();
    expect(() =>
      createLoginKit({
        ...lyingKitOptions(w.provider, w.app.url),
        paths: { backchannelLogout },
      }),
    ).toThrow(ConfigError);
  });

  test("BCL-01: is https beyond loopback", async () => {
    w = await logoutWorld();
    expect(() =>
      createLoginKit(lyingKitOptions(w.provider, "http://shop.example")),
    ).toThrow(/baseUrl: must be https/);
  });
});

describe("BCL-02: the request", () => {
  test("BCL-02: needs no cookie, and may come from anywhere; other parameters are ignored", async () => {
    await withAlice();
    const answer = await send({
      headers: {
        origin: "https://op.example",
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "cors",
      },
      body: new URLSearchParams({
        ignored_parameter: "ignored",
        logout_token: tokenOf(),
        sid: "another",
      }),
    });
    await expectAccepted(answer);
  });

  test("BCL-02: a charset beside the content type does no harm", async () => {
    await withAlice();
    await expectAccepted(
      await send({
        headers: {
          "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        },
        body: `logout_token=${tokenOf()}`,
      }),
    );
  });

  // Shows: ERR_LOGOUT_TOKEN_INVALID
  test.each<[string, () => [RequestInit, string?]]>([
    ["without a body", () => [{}]],
    ["with an empty form", () => [{ headers: FORM, body: "" }]],
    [
      "with an empty logout_token",
      () => [{ headers: FORM, body: "logout_token=" }],
    ],
    [
      "with JSON",
      () => [
        {
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ logout_token: tokenOf() }),
        },
      ],
    ],
    [
      "with a form that says it is text",
      () => [
        {
          headers: { "content-type": "text/plain" },
          body: `logout_token=${tokenOf()}`,
        },
      ],
    ],
    [
      "with 20 KB",
      () => [
        {
          headers: FORM,
          body: `logout_token=${tokenOf()}&more=${"x".repeat(20_000)}`,
        },
      ],
    ],
    [
      "with two logout_token",
      () => [
        {
          headers: FORM,
          body: `logout_token=${tokenOf()}&logout_token=${tokenOf()}`,
        },
      ],
    ],
    [
      "with the same logout_token twice",
      () => {
        const field = `logout_token=${tokenOf()}`;
        return [{ headers: FORM, body: `${field}&${field}` }];
      },
    ],
    [
      "with the logout_token in the query only",
      () => [
        { headers: FORM, body: "more=1" },
        `?${new URLSearchParams({ logout_token: tokenOf() }).toString()}`,
      ],
    ],
    [
      "with a logout_token that is no JWT",
      () => [{ headers: FORM, body: "logout_token=a.b.c" }],
    ],
    [
      "with a form of an unknown charset",
      () => [
        {
          headers: {
            "content-type":
              "application/x-www-form-urlencoded; charset=unheard-of",
          },
          body: `logout_token=${tokenOf()}`,
        },
      ],
    ],
  ])("BCL-02: %s it is refused", async (_what, request) => {
    await withAlice();
    await expectRefused(await send(...request()));
  });

  test("BCL-02: a logout_token in the query beside the one in the form is ignored", async () => {
    await withAlice();
    const answer = await send(
      { headers: FORM, body: `logout_token=${tokenOf()}` },
      "?logout_token=a.b.c",
    );
    await expectAccepted(answer);
  });

  const parsers: [string, RequestHandler][] = [
    ["express.urlencoded", express.urlencoded()],
    ["express.urlencoded, extended", express.urlencoded({ extended: true })],
    ["express.json", express.json()],
    ["express.text", express.text({ type: "*/*" })],
    ["Express 4's express.json", leaveEmptyBody],
  ];
  test.each(parsers)(
    "BCL-02: it works behind %s of the application",
    async (_name, before) => {
      await withAlice({ before });
      await expectAccepted(await w.postToken(tokenOf()));
    },
  );

  test.each(parsers)(
    "BCL-02: two logout_token are refused behind %s of the application",
    async (_name, before) => {
      await withAlice({ before });
      const field = `logout_token=${tokenOf()}`;
      await expectRefused(
        await send({ headers: FORM, body: `${field}&${field}` }),
      );
    },
  );

  test("BCL-02: a logout_token that a body parser makes an object of is refused", async () => {
    await withAlice({ before: express.urlencoded({ extended: true }) });
    await expectRefused(
      await send({ headers: FORM, body: `logout_token[a]=${tokenOf()}` }),
    );
  });

  test("BCL-02: JSON is refused also where the application parses it", async () => {
    await withAlice({ before: express.json() });
    await expectRefused(
      await send({
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ logout_token: tokenOf() }),
      }),
    );
  });

  test.each(["GET", "PUT", "DELETE"])(
    "BCL-02: %s is answered 405, and ends nothing",
    async (method) => {
      await withAlice();
      const query = new URLSearchParams({ logout_token: tokenOf() });
      const answer = await send({ method }, `?${query.toString()}`);
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe("POST");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(await w.isSignedIn()).toBe(true);
    },
  );
});

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
      ({ foreignKeys }) => ({
        key: "foreign",
        header: { jwk: foreignKeys.rsa.jwk, kid: undefined },
      }),
    ],
    [
      "of a foreign key that the header has in jwk, under a published kid",
      ({ foreignKeys }) => ({
        key: "foreign",
        header: { jwk: foreignKeys.rsa.jwk },
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
    w = await logoutWorld();
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

describe("request.refused and the log name what came and what was expected", () => {
  test.each<[string, () => LogoutTokenOptions, string]>([
    [
      "no exp",
      () => ({ claims: { exp: undefined } }),
      "exp is missing; for a provider that sends none, set backchannelLogout: { requireExpiry: false }",
    ],
    [
      "another alg",
      () => ({ header: { alg: "ES256" } }),
      'its alg is "ES256", and idTokenSigningAlg is RS256',
    ],
    [
      "another typ",
      () => ({ header: { typ: "at+jwt" } }),
      'its typ is "at+jwt", not logout+jwt',
    ],
    [
      "another issuer",
      () => ({ claims: { iss: "https://other.example" } }),
      'iss is "https://other.example", and the option issuer is http://127.0.0.1:',
    ],
    [
      "another audience",
      () => ({ claims: { aud: ["another"] } }),
      `aud is ["another"], and this client is ${CLIENT_ID}`,
    ],
    [
      "a further audience",
      () => ({ claims: { aud: [CLIENT_ID, "another"] } }),
      "another; if the provider puts it there for you, name it in trustedAudiences",
    ],
    [
      "another azp",
      () => ({ claims: { azp: "another" } }),
      `azp is "another", and this client is ${CLIENT_ID}`,
    ],
    [
      "an iat ahead of our clock",
      () => ({ claims: { iat: fromNow(300) } }),
      "seconds in the future, and clockToleranceSeconds is 30; compare the clocks",
    ],
    [
      "an exp behind our clock",
      () => ({ claims: { exp: fromNow(-90) } }),
      "seconds ago, and clockToleranceSeconds is 30; compare the clocks",
    ],
    [
      "other events",
      () => ({ claims: { events: { "urn:other": {} } } }),
      'events is {"urn:other":{}}, without the member http://schemas.openid.net/event/backchannel-logout',
    ],
  ])("%s", async (_what, change, expected) => {
    await withAlice();
    const { events } = w.app.kit;
    const told: unknown[] = [];
    const lines: object[] = [];
    events.on("request.refused", (event) => told.push(event));
    logEvents(events, {
      info: () => undefined,
      warn: (line) => lines.push(line),
      error: () => undefined,
    });
    expect((await w.postToken(tokenOf(change()))).status).toBe(400);
    const refused = {
      code: "ERR_LOGOUT_TOKEN_INVALID",
      diagnosis: expect.stringContaining(expected),
    };
    expect(told).toEqual([expect.objectContaining(refused)]);
    expect(lines).toEqual([
      expect.objectContaining({ event: "request.refused", ...refused }),
    ]);
  });

  test("a type that backchannelLogout.requireType demands", async () => {
    await withAlice({ kit: { backchannelLogout: { requireType: true } } });
    const diagnoses = keepDiagnoses();
    const answer = await w.postToken(tokenOf({ header: { typ: "JWT" } }));
    await expectInvalidRequest(answer, /typ is not logout\+jwt/);
    expect(diagnoses).toEqual([
      expect.stringContaining("backchannelLogout.requireType demands it"),
    ]);
  });

  test("whatever a token says, in one line of printable characters", async () => {
    await withAlice();
    const diagnoses = keepDiagnoses();
    const iss = `https://other.example/\n\u001b[31m${"x".repeat(5000)}`;
    await w.postToken(tokenOf({ claims: { iss } }));
    expect(diagnoses).toEqual([
      expect.stringMatching(
        /^[\x20-\x7e]{1,200}https:\/\/other.example\/[\x20-\x7e]{1,500}$/,
      ),
    ]);
  });

  function keepDiagnoses(): string[] {
    const diagnoses: string[] = [];
    w.app.kit.events.on("request.refused", ({ diagnosis }) =>
      diagnoses.push(diagnosis),
    );
    return diagnoses;
  }
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

describe("BCL-10: jti", () => {
  test("BCL-10: a token without it is refused", async () => {
    await withAlice();
    await expectRefused(
      await w.postToken(tokenOf({ claims: { jti: undefined } })),
      /jti/,
    );
  });

  test.each([
    ["Redis", { redis: "shared" as const }],
    ["the embedded store", {}],
  ])(
    "BCL-10: in %s, a token that comes again is refused, and the login made in between lives on",
    async (_store, options) => {
      await withAlice(options);
      const token = tokenOf({ claims: { sid: undefined } });
      expect((await w.postToken(token)).status).toBe(200);
      await w.signIn("alice");
      await expectInvalidRequest(await w.postToken(token), /jti/);
      expect(await w.isSignedIn()).toBe(true);
    },
  );

  test("BCL-10: it is remembered for as long as the token could be used", async () => {
    takeClock();
    await withAlice();
    const claims = { sid: undefined, exp: fromNow(600) };
    const token = tokenOf({ claims });
    expect((await w.postToken(token)).status).toBe(200);
    passSeconds(120 + TOLERANCE - 2);
    await w.signIn("alice");
    await expectInvalidRequest(await w.postToken(token), /jti/);
    passSeconds(4);
    await expectInvalidRequest(await w.postToken(token), /too long ago/);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("BCL-10: a token that was refused for something else may come again", async () => {
    await withAlice();
    const jti = randomUUID();
    await expectRefused(
      await w.postToken(tokenOf({ claims: { jti }, key: "foreign" })),
    );
    await expectAccepted(await w.postToken(tokenOf({ claims: { jti } })));
  });

  test("BCL-10: 20 of the same token at once have one effect", async () => {
    await withAlice({ redis: "shared" });
    const token = tokenOf();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => w.postToken(token)),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 400)]);
    expect(w.app.ended).toHaveLength(1);
  });

  describe("BCL-10: when Redis fails", () => {
    let redis: RedisServer;

    /** A world with a Redis of its own; `onEffect` runs when a logout begins to have its effect. */
    async function withOwnRedis(onEffect: () => Promise<void>): Promise<void> {
      redis = await startRedis();
      const client = createClient({ url: redis.url });
      client.on("error", () => undefined);
      await client.connect();
      const evaluate = client.eval.bind(client);
      let isFirst = true;
      Object.assign(client, {
        async eval(...call: Parameters<typeof evaluate>) {
          if (isFirst && call[0] === NOTE) {
            isFirst = false;
            await onEffect();
          }
          return await evaluate(...call);
        },
      });
      await withAlice({
        redis,
        kit: { redis: client, storeTimeoutSeconds: 1 },
      });
      const { close } = w;
      w = {
        ...w,
        close: async () => {
          await close();
          client.destroy();
          closeRedis();
          await redis.stop();
        },
      };
    }

    test("BCL-10: a token whose effect found Redis hanging works when it is sent again", async () => {
      await withOwnRedis(async () => {
        redis.pause();
        await Promise.resolve();
      });
      const token = tokenOf();
      const failed = await w.postToken(token);
      redis.resume();
      expect(failed.status).toBe(503);
      expect(failed.headers.get("cache-control")).toBe("no-store");
      await expectAccepted(await w.postToken(token));
    });

    test("BCL-10: a token that came while Redis hung works when it is sent again", async () => {
      await withOwnRedis(() => Promise.resolve());
      const token = tokenOf();
      redis.pause();
      const failed = await w.postToken(token);
      redis.resume();
      expect(failed.status).toBe(503);
      await expectAccepted(await w.postToken(token));
    });

    test("BCL-10: a token whose effect found Redis read-only, as during a failover, is asked for again until it works, and never called invalid", async () => {
      await withOwnRedis(async () => {
        await redisCommand(redis.url, ["REPLICAOF", "127.0.0.1", "1"]);
      });
      const token = tokenOf();
      const statuses = [(await w.postToken(token)).status];
      await redisCommand(redis.url, ["REPLICAOF", "NO", "ONE"]);
      await until(
        "it works",
        async () => {
          const { status } = await send({
            headers: FORM,
            body: `logout_token=${token}`,
          });
          statuses.push(status);
          return status !== 503;
        },
        20_000,
      );
      expect(statuses).toEqual([...statuses.slice(1).map(() => 503), 200]);
      expect(await w.isSignedIn()).toBe(false);
    });
  });
});

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

describe("BCL-13: a refusal", () => {
  test.each([
    ["anything", "*/*"],
    ["JSON", "application/json"],
    // What Java's HttpURLConnection sends by itself.
    [
      "HTML as well as anything",
      "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    ],
  ])(
    "BCL-13: is JSON for a provider that accepts %s",
    async (_what, accept) => {
      await withAlice();
      // Not fetch: Node's says in Sec-Fetch-Mode that it is no page load.
      const server = createTestBrowser({ sendsFetchMetadata: false });
      const answer = await server.request(`${w.app.url}/backchannel-logout`, {
        method: "POST",
        headers: { accept },
        body: new URLSearchParams({
          logout_token: tokenOf({ key: "foreign" }),
        }),
      });
      await expectRefused(answer);
    },
  );

  // Shows: ASVS 16.5.1
  test("BCL-13: does not repeat what the token says", async () => {
    await withAlice();
    const answer = await w.postToken(
      tokenOf({ claims: { aud: "<b>marked</b>", sub: "marked" } }),
    );
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain("marked");
  });
});

describe("BCL-14: what ends", () => {
  // Shows: ASVS 7.6.1
  test("BCL-14: a token with sid ends the logins of that session only", async () => {
    await withAlice();
    const sameSession = w.withProviderSessionOf(w.browser);
    await w.signIn("alice", sameSession);
    const { sid } = alice();
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    expect((await w.postLogout({ sub: "alice", sid })).status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
    expect(await w.isSignedIn(sameSession)).toBe(false);
    expect(await w.isSignedIn(elsewhere)).toBe(true);
  });

  test("BCL-14: a token with sub only ends all logins of that user, and nobody else's", async () => {
    await withAlice();
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    expect((await w.postLogout({ sub: "alice" })).status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
    expect(await w.isSignedIn(elsewhere)).toBe(false);
    expect(await w.isSignedIn(bob)).toBe(true);
    expect(w.app.ended.map(({ reason }) => reason)).toEqual([
      "provider_logout",
      "provider_logout",
    ]);
  });

  test("BCL-14: sid does not end a login of that sub in another session, whatever sub says", async () => {
    await withAlice();
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    const sid = w.provider.sidOf("bob");
    expect((await w.postLogout({ sub: "alice", sid })).status).toBe(200);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("BCL-14: a token with sid and sub ends also the user's logins whose ID Token had no sid", async () => {
    await withAlice({ misbehave: { idToken: { claims: { sid: undefined } } } });
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    expect((await w.postLogout(alice())).status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
    expect(await w.isSignedIn(bob)).toBe(true);
  });

  test("BCL-14: a token with sid alone does not end a login whose ID Token had no sid", async () => {
    await withAlice({ misbehave: { idToken: { claims: { sid: undefined } } } });
    expect((await w.postLogout({ sid: alice().sid })).status).toBe(200);
    expect(await w.isSignedIn()).toBe(true);
  });

  test.each([{ sid: "one for both" }, { sub: "alice" }])(
    "BCL-14: %j of one issuer does not end the login of another's, in the same Redis",
    async (claims) => {
      const options: LogoutWorldOptions = {
        redis: "shared",
        kit: { redisKeyPrefix: `${randomUUID()}:` },
        misbehave: { idToken: { claims: { sid: "one for both" } } },
      };
      const other = await logoutWorld({ ...options, signedInAs: "alice" });
      try {
        await withAlice(options);
        expect((await w.postLogout(claims)).status).toBe(200);
        expect(await w.isSignedIn()).toBe(false);
        expect(await other.isSignedIn()).toBe(true);
      } finally {
        await other.close();
      }
    },
  );

  test("BCL-14: a login at another process ends too", async () => {
    await withAlice({ redis: "shared" });
    const other = await w.startAnother();
    const answer = await w.provider.postLogoutToken(
      `${other.url}/backchannel-logout`,
      tokenOf(),
    );
    await expectAccepted(answer);
  });

  test("BCL-14: 250 logins of one user end", async () => {
    await withAlice({ redis: "shared" });
    const browsers = Array.from({ length: 250 }, () => createTestBrowser());
    for (let first = 0; first < browsers.length; first += 25) {
      const part = browsers.slice(first, first + 25);
      await Promise.all(part.map((browser) => w.signIn("alice", browser)));
    }
    expect((await w.postLogout({ sub: "alice" })).status).toBe(200);
    await until("all are told", () => w.app.ended.length === 251);
    const living = await Promise.all(browsers.map((one) => w.isSignedIn(one)));
    expect(living).not.toContain(true);
  });
});

test.each([
  // With both, also for a login whose ID Token names no session.
  ["sid and sub", (sid: string) => ({ sub: "alice", sid }), ["no-sid", "sid"]],
  ["sid", (sid: string) => ({ sid }), ["sid"]],
  ["sub", () => ({ sub: "alice" }), ["user"]],
])(
  "BCL-15: by %s, only the logout is left in Redis, and for a minute what the login was",
  async (_what, claims, kinds) => {
    w = await logoutWorld({ redis: "shared" });
    const { keys: allKeys } = w;
    // What came of the sign-in is told for a while, sealed.
    const keysOfLogins = async (): Promise<string[]> =>
      (await allKeys()).filter((key) => !/^(transaction|outcome):/.test(key));
    expect(await keysOfLogins()).toEqual([]);
    await w.signIn("alice");
    // The login, its session, and its places among the user's and the session's.
    expect(await keysOfLogins()).toHaveLength(4);
    const answer = await w.postLogout(claims(w.provider.sidOf("alice")));
    expect(answer.status).toBe(200);
    const keys = await keysOfLogins();
    expect(keys.filter((key) => key.endsWith(":ended"))).toHaveLength(1);
    expect(keys.filter((key) => !key.endsWith(":ended"))).toEqual([
      expect.stringMatching(/^\{jti\.[\w-]+\}:lock$/),
      ...kinds.map((kind): unknown =>
        expect.stringMatching(
          new RegExp(`^\\{${kind}\\.[\\w-]+\\}:logged-out$`),
        ),
      ),
    ]);
  },
);

test.each([
  ["a token of the same session", () => alice()],
  ["a token of the same user", () => ({ sub: "alice" })],
])(
  "BCL-16: after a login has ended, %s is a success",
  async (_what, claims) => {
    await withAlice();
    const again = w.provider.logoutToken(claims());
    await expectAccepted(await w.postToken(tokenOf()));
    expect((await w.postToken(again)).status).toBe(200);
    expect(w.app.ended).toHaveLength(1);
  },
);

test("BCL-16: after the user signed out here, the provider's token is a success", async () => {
  await withAlice();
  await w.browser.fetchJson(`${w.app.url}/logout`, { method: "POST" });
  const answer = await w.postLogout(alice());
  expect(answer.status).toBe(200);
  expect(w.app.ended.map(({ reason }) => reason)).toEqual(["logout"]);
});

describe("BCL-17: revocation", () => {
  /** What the token endpoint gives, and remembers. */
  async function withTokens(scopeOf: (count: number) => string) {
    const issued: { access_token: string; refresh_token: string }[] = [];
    await withAlice({
      misbehave: {
        tokenResponse: (right) => {
          issued.push(right as unknown as (typeof issued)[number]);
          return { ...right, scope: scopeOf(issued.length) };
        },
      },
    });
    return issued;
  }

  test("BCL-17: refresh and access token are revoked where offline_access was not granted", async () => {
    const [tokens] = await withTokens(() => "openid");
    await expectAccepted(await w.postToken(tokenOf()));
    await until("they are revoked", () => w.provider.revoked.length === 2);
    expect([...w.provider.revoked].sort()).toEqual(
      [tokens?.access_token, tokens?.refresh_token].sort(),
    );
  });

  // Shows: OA-06
  test("BCL-17: tokens that were granted for offline use are not revoked", async () => {
    const issued = await withTokens((count) =>
      count === 1 ? "openid offline_access" : "openid",
    );
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    expect((await w.postLogout({ sub: "alice" })).status).toBe(200);
    expect(w.app.ended).toHaveLength(2);
    // The first login would have been the first in turn.
    await until("the second's are revoked", () =>
      w.provider.revoked.includes(issued[1]?.refresh_token ?? ""),
    );
    // More would have come before this.
    await w.signIn("bob", createTestBrowser());
    expect(w.provider.revoked).not.toContain(issued[0]?.refresh_token);
    expect(w.provider.revoked).not.toContain(issued[0]?.access_token);
  });

  test("BCL-17: the provider is answered before its revocation endpoint is", async () => {
    await withAlice();
    const held = w.provider.hold("/revoke", "request");
    await expectAccepted(await w.postToken(tokenOf()));
    await held.reached;
    held.release();
  });

  test("BCL-17: a revocation that fails is told, and the logout stands", async () => {
    await withAlice({
      misbehave: {
        intercept: (req, res, next) => {
          if (req.path === "/revoke") res.status(500).end();
          else next();
        },
      },
    });
    const failed: string[] = [];
    w.app.kit.events.on("token.revocation_failed", ({ subject }) =>
      failed.push(subject),
    );
    await expectAccepted(await w.postToken(tokenOf()));
    await until("it is told", () => failed.length > 0);
    expect(failed).toEqual(["alice"]);
  });
});

test("BCL-18: success is 200 with nothing in it, and an event", async () => {
  await withAlice();
  const received: unknown[] = [];
  w.app.kit.events.on("logout.received", (event) => received.push(event));
  await expectAccepted(await w.postToken(tokenOf()));
  expect(received).toEqual([{ channel: "back", ended: 1 }]);
});

describe("BCL-19: Cache-Control: no-store", () => {
  test("BCL-19: is on an answer that the provider's outage makes 503", async () => {
    w = await logoutWorld({
      misbehave: {
        intercept: (_req, res) => {
          res.status(503).end();
        },
      },
    });
    const answer = await w.postLogout({ sub: "alice" });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  });

  test("BCL-19: is on a refusal that the application answers itself", async () => {
    await withAlice({
      kit: {
        answerError: (_error, _req, res, _next) => {
          res.status(400).json({ error: "invalid_request" });
        },
      },
    });
    const answer = await w.postToken(tokenOf({ key: "foreign" }));
    expect(answer.status).toBe(400);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });
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
      w = await logoutWorld();
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
    w = await logoutWorld({
      misbehave: { idToken: { header: { typ: "logout+jwt" } } },
    });
    const page = await w.signIn("alice");
    expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  });
});

describe("BCL-23: after a logout of a session at the provider", () => {
  test.each([
    ["Redis", { redis: "shared" as const }],
    ["the embedded store", {}],
  ])(
    "BCL-23: with %s, a login that rests on it does not come about",
    async (_store, options) => {
      await withAlice(options);
      await expectAccepted(await w.postLogout(alice()));
      // The provider still knows the browser and asks nothing.
      const page = await w.signIn("alice");
      expect(page.response.status).toBe(401);
      expect(page.body).toContain("ERR_LOGGED_OUT_MEANWHILE");
      expect(await w.isSignedIn()).toBe(false);
    },
  );

  test("BCL-23: a new authentication in it does", async () => {
    await withAlice();
    // Times are whole seconds: what follows is surely later.
    const claims = { iat: fromNow(-2) };
    await expectAccepted(await w.postToken(tokenOf({ claims })));
    const login = `${w.app.url}/login?prompt=login&return_to=/me`;
    const page = await w.browser.navigate(login);
    expect(page.response.status).toBe(200);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("BCL-23: a login in another session of the same user does", async () => {
    await withAlice();
    await expectAccepted(await w.postLogout(alice()));
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    expect(await w.isSignedIn(elsewhere)).toBe(true);
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
