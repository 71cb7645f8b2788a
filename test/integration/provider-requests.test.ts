/** What the provider is asked: by which method, in which form, and how the client proves who it is. */

import { afterEach, describe, expect, test } from "@jest/globals";
import { generateKeyPair, jwtVerify } from "jose";

import {
  ClientSecretJwt,
  None,
  PrivateKeyJwt,
  type LoginKitOptions,
} from "../../lib/index.js";
import type { ReceivedRequest } from "../../lib/testing/index.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { recordRequests } from "../support/recorded-requests.js";
import { signOutAndComeBack } from "../support/sign-out.js";
import { createTestBrowser, type Page } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { CLIENT_ID, CLIENT_SECRET } from "../support/world.js";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

async function start(kit: Partial<LoginKitOptions> = {}): Promise<LyingWorld> {
  const w = await lyingWorld({ kit });
  ends.push(w.close);
  return w;
}

function signInAt(w: LyingWorld): Promise<Page> {
  return createTestBrowser().navigate(`${w.url}/login?return_to=/me`);
}

function expectForm({ method, headers, query }: ReceivedRequest): void {
  expect(method).toBe("POST");
  expect(headers["content-type"]).toMatch(
    /^application\/x-www-form-urlencoded\b/,
  );
  expect([...query]).toEqual([]);
}

/** RFC 6749 2.3.1: each half is encoded as in a form. */
function basicCredentials({ headers }: ReceivedRequest): string[] {
  const [scheme, encoded = ""] = (headers.authorization ?? "").split(" ");
  expect(scheme).toBe("Basic");
  return Buffer.from(encoded, "base64")
    .toString()
    .split(":")
    .map((half) => new URLSearchParams(`half=${half}`).get("half") ?? "");
}

describe("the client proves who it is", () => {
  // Shows: CORE-02
  test("CORE-13, OA-01, OA-05, OA-09: the token request is a form by POST that repeats redirect_uri, with the credentials encoded in Authorization and nowhere else", async () => {
    const w = await start();
    const asked = recordRequests(w.provider);
    await w.signIn("alice");
    const request = asked.last("/token");
    expectForm(request);
    expect(basicCredentials(request)).toEqual([CLIENT_ID, CLIENT_SECRET]);
    expect([...request.form.keys()].sort()).toEqual([
      "code",
      "code_verifier",
      "grant_type",
      "redirect_uri",
    ]);
    expect(request.form.get("redirect_uri")).toBe(
      asked.last("/authorize").query.get("redirect_uri"),
    );
  });

  test("CORE-12, OA-01: with client_secret_post in the form, and nowhere else", async () => {
    const w = await start({ clientAuth: "client_secret_post" });
    const asked = recordRequests(w.provider);
    await w.signIn("alice");
    const request = asked.last("/token");
    expectForm(request);
    expect(request.headers.authorization).toBeUndefined();
    expect(request.form.getAll("client_id")).toEqual([CLIENT_ID]);
    expect(request.form.getAll("client_secret")).toEqual([CLIENT_SECRET]);
  });

  test("RFC 6749 2.1: a public client sends its client_id, and no secret, wherever it asks", async () => {
    const w = await lyingWorld({
      client: { tokenEndpointAuthMethod: "none" },
      kit: { clientAuth: None(), ...({ clientSecret: undefined } as object) },
    });
    ends.push(w.close);
    const asked = recordRequests(w.provider);
    const browser = await w.signIn("alice");
    await signOutAndComeBack(browser, w.url);
    await until("both were sent", () => asked.all("/revoke").length === 2);
    for (const request of [...asked.all("/token"), ...asked.all("/revoke")]) {
      expectForm(request);
      expect(request.headers.authorization).toBeUndefined();
      expect(request.form.getAll("client_id")).toEqual([CLIENT_ID]);
      expect([...request.form.keys()].join()).not.toMatch(/secret|assertion/);
    }
    expect(asked.last("/token").form.get("code_verifier")).toMatch(/^.{43,}$/);
  });

  test.each(["private_key_jwt", "client_secret_jwt"])(
    "CORE-12, CORE-44, BCP-10, BFF-29, F2-03, F2-06: with %s by an assertion for this issuer alone, short-lived and never the same",
    async (method) => {
      const { privateKey, publicKey } = await generateKeyPair("ES256");
      const [clientAuth, key] =
        method === "private_key_jwt"
          ? [PrivateKeyJwt(privateKey), publicKey]
          : [ClientSecretJwt(CLIENT_SECRET), Buffer.from(CLIENT_SECRET)];
      const w = await start({ clientAuth });
      const asked = recordRequests(w.provider, (req, _res, next) => {
        // The provider knows no assertions; this test is who verifies them.
        const credentials = [CLIENT_ID, CLIENT_SECRET].map(encodeURIComponent);
        req.headers.authorization = `Basic ${Buffer.from(credentials.join(":")).toString("base64")}`;
        next();
      });
      await w.signIn("alice");
      await w.signIn("bob");
      const ids = new Set<unknown>();
      for (const { headers, form } of asked.all("/token")) {
        expect(headers.authorization).toBeUndefined();
        expect(form.has("client_secret")).toBe(false);
        const { payload } = await jwtVerify(
          form.get("client_assertion") ?? "",
          key,
        );
        const { iss, sub, aud, jti, iat = 0, exp = Infinity } = payload;
        expect([iss, sub, aud]).toEqual([
          CLIENT_ID,
          CLIENT_ID,
          w.provider.issuer,
        ]);
        expect(exp - iat).toBeLessThanOrEqual(60);
        ids.add(jti);
      }
      expect(ids.size).toBe(2);
    },
  );
});

describe("PKCE", () => {
  // Shows: PK-01
  test("PK-05: the code verifier is in nothing that the browser gets", async () => {
    const w = await start();
    const asked = recordRequests(w.provider);
    const browser = createTestBrowser();
    const seen: string[] = [];
    let next = `${w.url}/login`;
    while (next !== "/") {
      const answer = await browser.request(next);
      seen.push(JSON.stringify([...answer.headers]), await answer.text());
      next = answer.headers.get("location") ?? "/";
    }
    const verifier = asked.last("/token").form.get("code_verifier") ?? "";
    expect(verifier).toMatch(/^[\w-]{43,128}$/);
    expect(seen.join()).not.toContain(verifier);
  });

  test.each<[string, string[] | undefined]>([
    ["no method of PKCE", undefined],
    ["plain alone", ["plain"]],
  ])(
    "DISC-10, BCP-22, PK-04: S256, state and nonce are sent to a provider whose metadata names %s, also after an error",
    async (_what, methods) => {
      const w = await start();
      w.provider.misbehave = {
        metadata: (right) => ({
          ...right,
          code_challenge_methods_supported: methods,
        }),
        authorizationResponse: ({ code: _removed, ...right }) => ({
          ...right,
          error: "invalid_request",
          error_description: "code_challenge is unknown",
        }),
      };
      const asked = recordRequests(w.provider);
      for (let round = 0; round < 2; round++) {
        const page = await signInAt(w);
        expect(page.body).toContain("ERR_AUTHORIZATION_FAILED");
        const { query } = asked.last("/authorize");
        expect(query.get("code_challenge_method")).toBe("S256");
        for (const name of ["code_challenge", "state", "nonce"]) {
          expect(query.get(name)).toMatch(/^[\w-]{43}$/);
        }
      }
      expect(asked.all("/authorize")).toHaveLength(2);
    },
  );
});

test("CORE-38: UserInfo is asked for by GET, with the access token in Authorization and not in the address", async () => {
  const w = await start({ scope: "openid profile" });
  const asked = recordRequests(w.provider);
  await w.signIn("alice");
  const { method, headers, query, form } = asked.last("/userinfo");
  expect(method).toBe("GET");
  expect(headers.authorization).toMatch(/^Bearer [0-9a-f-]{36}$/);
  expect([...query, ...form]).toEqual([]);
});

describe("pushed authorization requests", () => {
  type Answer = (id: number) => { status: number; body: unknown };
  const pushed: Answer = (id) => ({
    status: 201,
    body: { request_uri: `urn:example:request:${String(id)}`, expires_in: 60 },
  });

  async function startWithPar(answer: Answer = pushed) {
    const w = await start();
    let count = 0;
    w.provider.misbehave = {
      metadata: (right) => ({
        ...right,
        pushed_authorization_request_endpoint: `${w.provider.issuer}/par`,
        require_pushed_authorization_requests: true,
      }),
    };
    const asked = recordRequests(w.provider, (req, res, next) => {
      if (req.path !== "/par") {
        next();
        return;
      }
      count += 1;
      const { status, body } = answer(count);
      res.status(status).json(body);
    });
    return { w, asked };
  }

  // Shows: F2-13
  test("PAR-01, PAR-03, F2-16: are forms by POST with client authentication; the browser carries client_id and request_uri alone", async () => {
    const { w, asked } = await startWithPar();
    const login = await createTestBrowser().request(`${w.url}/login`);
    const request = asked.last("/par");
    expectForm(request);
    expect(basicCredentials(request)).toEqual([CLIENT_ID, CLIENT_SECRET]);
    expect(request.form.has("request_uri")).toBe(false);
    expect(request.form.get("code_challenge_method")).toBe("S256");
    const { searchParams } = new URL(login.headers.get("location") ?? "");
    expect(Object.fromEntries(searchParams)).toEqual({
      client_id: CLIENT_ID,
      request_uri: "urn:example:request:1",
    });
  });

  test("PAR-04: each login pushes its own", async () => {
    const { w, asked } = await startWithPar();
    const browser = createTestBrowser();
    const uris = new Set<string | null>();
    for (let round = 0; round < 2; round++) {
      const { headers } = await browser.request(`${w.url}/login`);
      const location = new URL(headers.get("location") ?? "");
      uris.add(location.searchParams.get("request_uri"));
    }
    expect(uris.size).toBe(2);
    expect(asked.all("/par")).toHaveLength(2);
  });

  const secret = { error_description: "secret-detail" };
  // Shows: ASVS 16.5.1
  test.each([
    [200, { request_uri: "urn:example:request:1", expires_in: 60 }, 400],
    [201, { expires_in: 60 }, 400],
    [400, { error: "invalid_request", ...secret }, 400],
    [401, { error: "invalid_client", ...secret }, 502],
    [405, { error: "invalid_request", ...secret }, 400],
    [413, { error: "invalid_request", ...secret }, 400],
    [429, { error: "temporarily_unavailable", ...secret }, 503],
    [500, secret, 503],
  ])(
    "PAR-02, PAR-06: an answer with status %d is an error, and no user learns a detail",
    async (status, body, expected) => {
      const { w } = await startWithPar(() => ({ status, body }));
      const page = await createTestBrowser().navigate(`${w.url}/login`);
      expect(page.url).toBe(`${w.url}/login`);
      expect(page.response.status).toBe(expected);
      expect(page.body).toMatch(/ERR_[A-Z_]+/);
      const shownToAll = page.body.replace(/<details open>.*<\/details>/s, "");
      expect(shownToAll).not.toContain("secret-detail");
      expect(page.response.headers.getSetCookie()).toEqual([]);
    },
  );
});

describe("revocation", () => {
  const logOut = async (w: LyingWorld): Promise<number> => {
    const browser = await w.signIn("alice");
    const answer = await signOutAndComeBack(browser, w.url);
    expect(await w.statusFor(browser)).toBe(401);
    return answer.status;
  };

  test("RV-01, RV-02: of the refresh token first, then of the access token: forms by POST with client authentication", async () => {
    const w = await start();
    const issued: Record<string, unknown>[] = [];
    w.provider.misbehave = {
      tokenResponse(right) {
        issued.push(right);
        return right;
      },
    };
    const asked = recordRequests(w.provider);
    expect(await logOut(w)).toBe(200);
    await until("both were sent", () => asked.all("/revoke").length === 2);
    const requests = asked.all("/revoke");
    for (const request of requests) {
      expectForm(request);
      expect(basicCredentials(request)).toEqual([CLIENT_ID, CLIENT_SECRET]);
    }
    expect(requests.map(({ form }) => Object.fromEntries(form))).toEqual([
      { token: issued[0]?.["refresh_token"], token_type_hint: "refresh_token" },
      { token: issued[0]?.["access_token"], token_type_hint: "access_token" },
    ]);
  });

  test.each<[string, number, string, string[]]>([
    ["RV-03: 200 with whatever body is a success", 200, "<p>ok", []],
    [
      "RV-04: a kind of token that is not revoked there is no failure",
      400,
      '{"error":"unsupported_token_type"}',
      [],
    ],
    [
      "RV-04: 503 means that the tokens live on, which is told; the user is signed out",
      503,
      "",
      ["ERR_PROVIDER_UNAVAILABLE"],
    ],
  ])("%s", async (_title, status, body, expected) => {
    const w = await start();
    const failures: string[] = [];
    w.kit.events.on("token.revocation_failed", ({ code }) =>
      failures.push(code),
    );
    const asked = recordRequests(w.provider, (req, res, next) => {
      if (req.path !== "/revoke") next();
      else res.status(status).type("json").send(body);
    });
    expect(await logOut(w)).toBe(200);
    await until("both were sent", () => asked.all("/revoke").length === 2);
    // Until it is over, and has told.
    await w.kit.close();
    expect(failures).toEqual(expected);
  });
});
