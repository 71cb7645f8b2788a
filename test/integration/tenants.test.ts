/** A templated issuer: users of several tenants of one provider, each with the issuer of its tenant. */
import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import express from "express";

import {
  ConfigError,
  createLoginKit,
  loginOf,
  type ProviderOptions,
  type RedisClient,
} from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import type { Claims, Misbehaviour } from "../support/lying-provider.js";
import {
  lyingKitOptions,
  lyingWorld,
  type LyingWorld,
} from "../support/lying-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { closeRedis, sharedRedis } from "../support/world.js";

const NORTH = "11111111-aaaa-4bbb-8ccc-000000000001";
const SOUTH = "11111111-aaaa-4bbb-8ccc-000000000002";
const STRANGE = "11111111-aaaa-4bbb-8ccc-000000000003";

/** Longer than an access token lives. */
const LATER_SECONDS = 301;

type Tenants = ProviderOptions["tenants"];

let w: LyingWorld;
/** Where its users sign in. */
let tenant: string;
afterAll(closeRedis);
beforeEach(() => {
  takeClock();
  tenant = NORTH;
});
afterEach(async () => {
  releaseClock();
  await w.close();
});

const issuerOf = (id: string): string => `${w.provider.url}/${id}/v2.0`;

/** Options for the provider at this address. */
const templated = (url: string, tenants: Tenants) => ({
  issuer: `${url}/{tenantid}/v2.0`,
  metadataUrl: `${url}/.well-known/openid-configuration`,
  ...(tenants && { tenants }),
});

/** Changes what a token says, which is right otherwise. */
interface Change {
  readonly idToken?: (right: Claims) => Claims;
  readonly refreshed?: (right: Claims) => Claims;
  readonly misbehave?: Misbehaviour;
  readonly metadata?: object;
  /** Default: the kit's own. */
  readonly providerTimeoutSeconds?: number;
}

async function start(
  tenants: Tenants,
  change: Change = {},
  redis?: RedisClient,
): Promise<void> {
  w = await lyingWorld({
    redis,
    kit: ({ url }) => ({
      ...templated(url, tenants),
      scope: "openid offline_access",
      ...(change.providerTimeoutSeconds && {
        providerTimeoutSeconds: change.providerTimeoutSeconds,
      }),
    }),
    routes(app, kit) {
      app.get("/token", kit.requireAuth(), async (req, res) => {
        res.send((await loginOf(req).accessToken()).value);
      });
    },
  });
  w.provider.misbehave = {
    metadata: (right) => ({
      ...right,
      issuer: `${w.provider.url}/{tenantid}/v2.0`,
      authorization_response_iss_parameter_supported: undefined,
      ...change.metadata,
    }),
    authorizationResponse: ({ iss: _iss, ...right }) => right,
    idToken: {
      claims(first) {
        const right = { ...first, iss: issuerOf(tenant), tid: tenant };
        // A refreshed ID Token has no nonce.
        return first["nonce"] === undefined
          ? (change.refreshed?.(right) ?? right)
          : (change.idToken?.(right) ?? right);
      },
    },
    ...change.misbehave,
  };
}

async function signIn(browser = createTestBrowser()): Promise<TestBrowser> {
  return w.signIn("alice", browser);
}

/** The page that refuses a sign-in. */
async function refusal(): Promise<{ status: number; body: string }> {
  const browser = createTestBrowser();
  const page = await browser.navigate(`${w.url}/login?login_hint=alice`);
  expect(await w.statusFor(browser)).toBe(401);
  return { status: page.response.status, body: page.body };
}

async function tokenStatus(browser: TestBrowser): Promise<number> {
  const answer = await browser.fetchJson(`${w.url}/token`);
  await answer.body?.cancel();
  return answer.status;
}

describe.each<[string, Tenants]>([
  ["a list", [NORTH, SOUTH]],
  ["a function", (id) => id === NORTH || id === SOUTH],
  ["an async function", async (id) => Promise.resolve(id !== STRANGE)],
])("tenants as %s", (_kind, tenants) => {
  test("users of two tenants sign in, are refreshed and signed out", async () => {
    await start(tenants);
    const north = await signIn();
    tenant = SOUTH;
    const south = await signIn();
    passSeconds(LATER_SECONDS);
    expect(await tokenStatus(south)).toBe(200);
    tenant = NORTH;
    expect(await tokenStatus(north)).toBe(200);
    const page = await north.navigate(`${w.url}/logout`);
    expect((await north.submitForm(page)).body).toBe("home");
    expect(await w.statusFor(north)).toBe(401);
    expect(await w.statusFor(south)).toBe(200);
  });

  test("a user of a tenant that is not among them is refused, and the tokens are given back", async () => {
    await start(tenants);
    tenant = STRANGE;
    const { status, body } = await refusal();
    expect(status).toBe(502);
    expect(body).toContain("ERR_ID_TOKEN_INVALID");
    expect(body).toContain(STRANGE);
    expect(w.provider.revoked).not.toEqual([]);
  });

  test.each<[string, (right: Claims) => Claims]>([
    ["iss of another tenant", (right) => ({ ...right, iss: issuerOf(SOUTH) })],
    ["tid of another tenant", (right) => ({ ...right, tid: SOUTH })],
    ["no tid", (right) => ({ ...right, tid: undefined })],
    ["a tid that is no text", (right) => ({ ...right, tid: [NORTH] })],
    [
      "the template as iss",
      (right) => ({ ...right, iss: issuerOf("{tenantid}"), tid: "{tenantid}" }),
    ],
    [
      "the issuer of a foreign host",
      (right) => ({ ...right, iss: `https://evil.example/${NORTH}/v2.0` }),
    ],
    [
      "a path around the tenant",
      (right) => ({ ...right, iss: issuerOf(`x/../${NORTH}`) }),
    ],
    [
      "a tenant that is a path",
      (right) => ({
        ...right,
        iss: issuerOf(`${NORTH}/${SOUTH}`),
        tid: `${NORTH}/${SOUTH}`,
      }),
    ],
  ])("Core 3.1.3.7 (2): an ID Token with %s is refused", async (_what, lie) => {
    await start(tenants, { idToken: lie });
    expect((await refusal()).body).toContain("ERR_ID_TOKEN_INVALID");
  });

  test.each<[string, (right: Claims) => Claims]>([
    [
      "another tenant",
      (right) => ({ ...right, iss: issuerOf(SOUTH), tid: SOUTH }),
    ],
    [
      "a foreign host",
      (right) => ({ ...right, iss: `https://evil.example/${NORTH}/v2.0` }),
    ],
  ])(
    "Core 12.2: a refreshed ID Token of %s ends the login",
    async (_what, lie) => {
      await start(tenants, { refreshed: lie });
      const browser = await signIn();
      passSeconds(LATER_SECONDS);
      expect(await tokenStatus(browser)).toBe(502);
      expect(await w.statusFor(browser)).toBe(401);
    },
  );

  test("Core 12.2: a refreshed ID Token whose tid is another costs that ID Token alone", async () => {
    await start(tenants, { refreshed: (right) => ({ ...right, tid: SOUTH }) });
    const browser = await signIn();
    passSeconds(LATER_SECONDS);
    expect(await tokenStatus(browser)).toBe(200);
  });
});

describe("tenants as a function", () => {
  test("it is asked with the id at the sign-in and at each refresh", async () => {
    const asked: string[] = [];
    await start((id) => {
      asked.push(id);
      return true;
    });
    const browser = await signIn();
    expect(asked).toEqual([NORTH]);
    passSeconds(LATER_SECONDS);
    await tokenStatus(browser);
    expect(asked).toEqual([NORTH, NORTH]);
    expect(await w.statusFor(browser)).toBe(200);
    expect(asked).toHaveLength(2);
  });

  test("a tenant that is removed ends its logins at their next refresh", async () => {
    const welcome = new Set([NORTH, SOUTH]);
    await start((id) => welcome.has(id));
    const north = await signIn();
    tenant = SOUTH;
    const south = await signIn();
    welcome.delete(NORTH);
    passSeconds(LATER_SECONDS);
    expect(await tokenStatus(south)).toBe(200);
    tenant = NORTH;
    expect(await tokenStatus(north)).not.toBe(200);
    expect(await w.statusFor(north)).toBe(401);
    expect(await w.statusFor(south)).toBe(200);
    expect(w.ended.map(({ reason }) => reason)).toEqual(["refresh_rejected"]);
  });

  test.each<[string, () => boolean | Promise<boolean>]>([
    ["a truthy text", () => "yes" as never],
    ["1", () => 1 as never],
    ["nothing", () => undefined as never],
    ["a promise of an object", () => Promise.resolve({} as never)],
  ])("an answer that is not true is a no: %s", async (_what, answer) => {
    await start(answer);
    expect((await refusal()).body).toContain("ERR_ID_TOKEN_INVALID");
  });

  const failing: [string, () => Promise<boolean>][] = [
    [
      "throws",
      () => {
        throw new Error("the database is away");
      },
    ],
    ["rejects", () => Promise.reject(new Error("the database is away"))],
  ];

  test.each(failing)(
    "a function that %s signs nobody in: 503",
    async (_how, fail) => {
      await start(fail);
      const { status, body } = await refusal();
      expect(status).toBe(503);
      expect(body).toContain("ERR_PROVIDER_UNAVAILABLE");
      expect(w.provider.revoked).not.toEqual([]);
    },
  );

  test("one that never answers counts as failing after providerTimeoutSeconds", async () => {
    await start(() => new Promise<boolean>(() => undefined), {
      providerTimeoutSeconds: 1,
    });
    expect((await refusal()).body).toContain("ERR_PROVIDER_UNAVAILABLE");
  });

  test.each(failing)(
    "one that %s at a refresh ends nothing",
    async (_how, fail) => {
      let isAway = false;
      await start(() => (isAway ? fail() : true));
      const browser = await signIn();
      isAway = true;
      passSeconds(LATER_SECONDS);
      expect(await tokenStatus(browser)).toBe(200);
      isAway = false;
      passSeconds(LATER_SECONDS);
      expect(await tokenStatus(browser)).toBe(200);
    },
  );
});

describe("RFC 9207: iss in the authorization response", () => {
  const PROMISED = { authorization_response_iss_parameter_supported: true };
  const answeredBy = (
    iss: (tenant: string) => string | undefined,
  ): Misbehaviour => ({
    authorizationResponse({ iss: _iss, ...right }) {
      const named = iss(tenant);
      return named === undefined ? right : { ...right, iss: named };
    },
  });

  test.each([
    ["promised", PROMISED],
    ["not promised", {}],
  ])("that of the user's tenant is good: %s", async (_what, metadata) => {
    await start([NORTH, SOUTH], { misbehave: answeredBy(issuerOf), metadata });
    expect(await w.statusFor(await signIn())).toBe(200);
  });

  test.each<[string, () => string]>([
    ["another tenant", () => issuerOf(SOUTH)],
    ["a tenant that is not welcome", () => issuerOf(STRANGE)],
    ["a foreign host", () => `https://evil.example/${NORTH}/v2.0`],
    ["the template", () => issuerOf("{tenantid}")],
  ])("that of %s is refused", async (_what, iss) => {
    await start([NORTH, SOUTH], { misbehave: answeredBy(iss) });
    expect((await refusal()).body).toContain("ERR_ISSUER_MISMATCH");
  });

  test("none is refused where the metadata promises one", async () => {
    await start([NORTH, SOUTH], { metadata: PROMISED });
    expect((await refusal()).body).toContain("ERR_ISSUER_MISMATCH");
    expect(w.provider.requests).not.toContain("POST /token");
  });
});

describe.each<[string, Tenants]>([
  ["a list", [NORTH, SOUTH]],
  ["a function", () => true],
])("logout by the provider, tenants as %s", (_kind, tenants) => {
  /** Alice of each tenant: the same `sub`, the same `sid`. */
  async function aliceOfBoth(): Promise<{
    north: TestBrowser;
    south: TestBrowser;
  }> {
    await start(tenants, {
      idToken: (right) => ({ ...right, sid: "the same session" }),
    });
    const north = await signIn();
    tenant = SOUTH;
    return { north, south: await signIn() };
  }
  const logoutToken = (claims: Claims): Promise<Response> =>
    w.provider.postLogoutToken(
      `${w.url}/backchannel-logout`,
      w.provider.logoutToken({
        claims: (right) => ({
          ...right,
          sub: "alice",
          sid: "the same session",
          ...claims,
        }),
      }),
    );

  test.each<[string, () => Claims]>([
    ["with tid", () => ({ iss: issuerOf(NORTH), tid: NORTH })],
    ["without", () => ({ iss: issuerOf(NORTH) })],
  ])(
    "Back-Channel Logout 2.6: a Logout Token ends logins of its tenant: %s",
    async (_what, claims) => {
      const { north, south } = await aliceOfBoth();
      expect((await logoutToken(claims())).status).toBe(200);
      expect(await w.statusFor(north)).toBe(401);
      expect(await w.statusFor(south)).toBe(200);
    },
  );

  test.each<[string, () => Claims]>([
    [
      "whose tid is another tenant",
      () => ({ iss: issuerOf(NORTH), tid: SOUTH }),
    ],
    [
      "of a foreign host",
      () => ({ iss: `https://evil.example/${NORTH}/v2.0`, tid: NORTH }),
    ],
    ["of the template", () => ({ iss: issuerOf("{tenantid}") })],
  ])("Back-Channel Logout 2.6: one %s is refused", async (_what, claims) => {
    const { north, south } = await aliceOfBoth();
    expect((await logoutToken(claims())).status).toBe(400);
    expect(await w.statusFor(north)).toBe(200);
    expect(await w.statusFor(south)).toBe(200);
  });

  const frame = (iss: string): Promise<Response> =>
    createTestBrowser().request(
      `${w.url}/frontchannel-logout?${new URLSearchParams({ iss, sid: "the same session" }).toString()}`,
      { destination: "iframe", initiator: w.provider.issuer },
    );

  test("Front-Channel Logout 2: the frame ends the logins of the tenant that iss names", async () => {
    const { north, south } = await aliceOfBoth();
    expect((await frame(issuerOf(NORTH))).status).toBe(200);
    expect(await w.statusFor(north)).toBe(401);
    expect(await w.statusFor(south)).toBe(200);
  });

  test("Front-Channel Logout 2: one with another issuer ends none", async () => {
    const { north, south } = await aliceOfBoth();
    const others = [
      `https://evil.example/${NORTH}/v2.0`,
      issuerOf("{tenantid}"),
      w.provider.url,
    ];
    for (const iss of others) expect((await frame(iss)).status).toBe(400);
    expect(await w.statusFor(north)).toBe(200);
    expect(await w.statusFor(south)).toBe(200);
  });

  test("kit.sessions: a user is named by iss and sub", async () => {
    const { north, south } = await aliceOfBoth();
    const { sessions } = w.kit;
    const user = { iss: issuerOf(NORTH), sub: "alice" };
    expect(await sessions.list(user)).toHaveLength(1);
    expect(await sessions.endAll(user)).toBe(1);
    expect(await sessions.list(user)).toEqual([]);
    expect(await w.statusFor(north)).toBe(401);
    expect(await w.statusFor(south)).toBe(200);
    await expect(sessions.list("alice")).rejects.toThrow(ConfigError);
  });
});

test.each([
  ["no longer", [SOUTH], 401],
  ["still", [NORTH], 200],
])(
  "after a restart, a login of a tenant that the list has %s: %j, %d",
  async (_when, tenants, status) => {
    await start([NORTH, SOUTH], {}, await sharedRedis());
    const browser = await signIn();
    const restarted = createLoginKit({
      ...lyingKitOptions(w.provider, w.url),
      ...templated(w.provider.url, tenants),
      redis: await sharedRedis(),
    });
    const server = await listening();
    server.serve(
      express().get("/me", restarted.requireAuth(), (_req, res) => {
        res.end();
      }),
    );
    const answer = await browser.fetchJson(`${server.url}/me`);
    expect(answer.status).toBe(status);
    await restarted.close();
    await server.close();
  },
);
