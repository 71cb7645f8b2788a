/** What a refresh may bring, and what it costs when something is wrong with it. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import type { Claims, Json, Misbehaviour } from "../support/lying-provider.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import {
  pressLogout,
  providerAddressIn,
  signOutAndComeBack,
} from "../support/sign-out.js";
import { until } from "../support/until.js";
import { decodeJwt } from "jose";

let w: ForwardWorld;
let errors: Error[];
beforeEach(async () => {
  takeClock();
  w = await forwardWorld();
  errors = [];
  w.kit.events.on("error", (error) => errors.push(error));
});
afterEach(async () => {
  releaseClock();
  await w.close();
});

/** A request after the access token has ended. */
async function later(): Promise<Response> {
  passSeconds(301);
  return w.fetch("/orders");
}

/** The answer to refreshes, and to nothing else, from now on. */
function refreshesBring(change: (right: Json) => Json): void {
  w.provider.misbehave = {
    tokenResponse: (right, grantType) =>
      grantType === "refresh_token" ? change(right) : right,
  };
}

function withIdToken(
  claims: Claims | ((right: Claims) => Claims),
): Misbehaviour {
  return { idToken: { claims, grantType: "refresh_token" } };
}

describe("the ID Token that the provider's logout gets as a hint", () => {
  const hintAfter = async (
    lie: Misbehaviour = {},
  ): Promise<Record<string, unknown>> => {
    w.provider.misbehave = lie;
    expect((await later()).status).toBe(200);
    w.provider.misbehave = {};
    const { searchParams } = providerAddressIn(
      await pressLogout(w.browser, w.url),
    );
    return decodeJwt(searchParams.get("id_token_hint") ?? "");
  };
  const marked = (claims: Claims): Misbehaviour => withIdToken(claims);

  test("RP-Initiated Logout 2: is the newest that a refresh brought", async () => {
    expect(await hintAfter(marked({ mark: "new" }))).toMatchObject({
      mark: "new",
    });
  });

  test("is the one before where the new one is no good", async () => {
    w.provider.misbehave = marked({ mark: "good" });
    expect((await later()).status).toBe(200);
    const hint = await hintAfter(marked({ mark: "bad", nonce: "another" }));
    expect(hint).toMatchObject({ mark: "good" });
  });
});

describe("Retry-After of a provider that is unwell is handed on, within bounds:", () => {
  test.each([
    ["7", "7"],
    ["0", "1"],
    ["86400", "600"],
    ["soon", "5"],
    ["", "5"],
    ["-3", "5"],
    ["9".repeat(400), "5"],
  ])("%j becomes %s", async (sent, told) => {
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path !== "/token") next();
        else res.status(429).set("Retry-After", sent).end();
      },
    };
    const answer = await later();
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe(told);
  });

  test("a date counts from the date of the answer", async () => {
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path !== "/token") {
          next();
          return;
        }
        res.status(503).set({
          Date: "Sun, 06 Nov 1994 08:49:37 GMT",
          "Retry-After": "Sun, 06 Nov 1994 08:49:49 GMT",
        });
        res.end();
      },
    };
    expect((await later()).headers.get("retry-after")).toBe("12");
  });
});

describe("a refreshed ID Token", () => {
  const now = (): number => Math.floor(Date.now() / 1000);

  test.each<[string, () => Claims]>([
    ["with a newer auth_time", () => ({ auth_time: now() })],
    ["with an older auth_time", () => ({ auth_time: 1 })],
    ["without auth_time", () => ({ auth_time: undefined })],
    ["with a nonce that was the first's", () => ({})],
    ["for an audience in a list", () => ({ aud: ["shop"] })],
  ])("Core 12.2: %s is fine: the login lives", async (_what, claims) => {
    passSeconds(301);
    w.provider.misbehave = withIdToken(claims());
    expect((await w.fetch("/orders")).status).toBe(200);
    expect(errors).toEqual([]);
  });

  test.each<[string, Claims]>([
    ["no sub", { sub: undefined }],
    ["a sub that is null", { sub: null }],
    ["no iss", { iss: undefined }],
    ["no aud", { aud: undefined }],
    ["another nonce", { nonce: "another" }],
    ["another azp", { azp: "shop" }],
    ["an iat before the first's", { iat: 1_500_000_000 }],
    ["an exp that has passed", { exp: 1_500_000_000 }],
    ["an exp that is no time", { exp: 1e300 }],
    ["an at_hash of another token", { at_hash: "another" }],
  ])(
    "Core 12.2: %s costs the ID Token, and not the new tokens",
    async (_what, claims) => {
      w.provider.misbehave = withIdToken(claims);
      for (const refreshes of [1, 2, 3]) {
        expect((await later()).status).toBe(200);
        expect(w.refreshes()).toBe(refreshes);
      }
      expect(errors.map((error) => error.message)).toEqual(
        Array(3).fill(expect.stringMatching(/^the ID Token was refused/)),
      );
    },
  );

  test.each<[string, Misbehaviour]>([
    ["signed by a stranger", { idToken: { key: "foreign" } }],
    ["that is no JWT", { idToken: { token: () => "no JWT" } }],
    [
      "that is no text",
      { tokenResponse: (right) => ({ ...right, id_token: 1 }) },
    ],
  ])(
    "one %s costs the ID Token, and not the new tokens",
    async (_what, lie) => {
      w.provider.misbehave = lie;
      expect((await later()).status).toBe(200);
      expect((await later()).status).toBe(200);
      expect(errors).toHaveLength(2);
    },
  );

  test("whose keys are away costs nothing: the new tokens are stored", async () => {
    w.provider.misbehave = {
      idToken: { key: "foreign-kid" },
      intercept(req, res, next) {
        if (req.path === "/jwks") res.status(503).end();
        else next();
      },
    };
    // Keys that were fetched before the refresh are still good enough for it.
    passSeconds(301);
    expect((await w.fetch("/orders")).status).toBe(200);
    expect(errors).toEqual([
      expect.objectContaining({ code: "ERR_PROVIDER_UNAVAILABLE" }),
    ]);
    w.provider.misbehave = {};
    expect((await later()).status).toBe(200);
  });

  test.each<[string, Claims]>([
    ["sub", { sub: "bob" }],
    ["iss", { iss: "https://op.evil" }],
    ["aud", { aud: "another" }],
    ["further aud", { aud: ["shop", "another"] }],
  ])(
    "Core 12.2: with another %s ends the login, and the new refresh token is revoked with it",
    async (_what, claims) => {
      let newToken: unknown;
      w.provider.misbehave = {
        ...withIdToken((right) => ({ ...right, ...claims })),
        tokenResponse(right, grantType) {
          if (grantType === "refresh_token") newToken = right["refresh_token"];
          return right;
        },
      };
      const answer = await later();
      expect(answer.status).toBe(502);
      expect(await answer.json()).toMatchObject({
        code: "ERR_ID_TOKEN_INVALID",
      });
      expect(await w.statusFor(w.browser)).toBe(401);
      await until("the new refresh token is revoked", () =>
        w.provider.revoked.includes(String(newToken)),
      );
    },
  );
});

describe("a token response that is wrong", () => {
  const faults: [string, Json][] = [
    ["token_type is mac", { token_type: "mac" }],
    ["token_type is missing", { token_type: undefined }],
    ["expires_in is no number", { expires_in: "soon" }],
    ["expires_in is negative", { expires_in: -1 }],
    ["access_token is a list", { access_token: ["a"] }],
    ["access_token is missing", { access_token: undefined }],
    ["the access token would break a header", { access_token: "a\r\nb" }],
    ["scope is an object", { scope: {} }],
  ];

  test.each(faults)(
    "%s: 502 ERR_TOKEN_RESPONSE_INVALID at a refresh, the login lives, the new refresh token is kept",
    async (_what, fault) => {
      refreshesBring((right) => ({ ...right, ...fault }));
      const answer = await later();
      expect(answer.status).toBe(502);
      expect(await answer.json()).toMatchObject({
        code: "ERR_TOKEN_RESPONSE_INVALID",
      });
      expect(await w.statusFor(w.browser)).toBe(200);
      // The provider has forgotten the one that was sent: only the new one serves.
      w.provider.misbehave = {};
      expect((await later()).status).toBe(200);
      expect(w.refreshes()).toBe(2);
    },
  );

  // Shows: ERR_TOKEN_RESPONSE_INVALID
  test.each(faults)(
    "%s: 502 with the same code at a login",
    async (_what, fault) => {
      w.provider.misbehave = {
        tokenResponse: (right) => ({ ...right, ...fault }),
      };
      const answer = await w.browser.navigate(`${w.url}/login`);
      expect(answer.response.status).toBe(502);
      expect(answer.body).toContain("ERR_TOKEN_RESPONSE_INVALID");
    },
  );

  test("while the old access token serves, it bridges the fault", async () => {
    refreshesBring((right) => ({ ...right, token_type: "mac" }));
    passSeconds(280);
    expect((await w.fetch("/orders")).status).toBe(200);
    expect(w.refreshes()).toBe(1);
  });

  test("is asked for again with growing pauses, not with every request", async () => {
    refreshesBring((right) => ({ ...right, token_type: "mac" }));
    expect((await later()).status).toBe(502);
    expect((await w.fetch("/orders")).status).toBe(503);
    expect((await w.fetch("/orders")).status).toBe(503);
    expect(w.refreshes()).toBe(1);
    passSeconds(2);
    expect((await w.fetch("/orders")).status).toBe(502);
    expect(w.refreshes()).toBe(2);
  });
});

describe("members without a value are absent", () => {
  test.each<[string, Json]>([
    ["refresh_token: null", { refresh_token: null }],
    ['refresh_token: ""', { refresh_token: "" }],
    ["expires_in: null", { expires_in: null }],
    ["scope: null", { scope: null }],
    ["id_token: null", { id_token: null }],
    ['id_token: ""', { id_token: "" }],
    ["a list of scopes", { scope: ["openid", "profile"] }],
    ["expires_in: 1e300", { expires_in: 1e300 }],
    ["expires_in: 0.5", { expires_in: 0.5 }],
  ])("%s at a refresh is fine", async (_what, change) => {
    refreshesBring((right) => ({ ...right, ...change }));
    expect((await later()).status).toBe(200);
    expect(errors).toEqual([]);
  });
});

describe("an error inside an answer 200", () => {
  test("ends the login where it speaks of the refresh token", async () => {
    refreshesBring(() => ({ error: "invalid_grant" }));
    const answer = await later();
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: "ERR_REFRESH_REJECTED" });
  });

  test.each([
    ["temporarily_unavailable", 503],
    ["server_error", 503],
    ["invalid_scope", 502],
    ["invalid_client", 502],
  ])("%s leaves the login alive: %d", async (error, status) => {
    refreshesBring(() => ({ error }));
    expect((await later()).status).toBe(status);
    expect(await w.statusFor(w.browser)).toBe(200);
  });
});

describe("RFC 7009: a token that is gone already is revoked", () => {
  async function signOut(
    answer: Misbehaviour["intercept"],
  ): Promise<unknown[]> {
    const failures: unknown[] = [];
    w.kit.events.on("token.revocation_failed", ({ code }) =>
      failures.push(code),
    );
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path === "/revoke") void answer?.(req, res, next);
        else next();
      },
    };
    await signOutAndComeBack(w.browser, w.url);
    // Until the revocation is over, and has told.
    await w.kit.close();
    expect(w.provider.requests).toContain("POST /revoke");
    return failures;
  }

  test.each(["invalid_token", "invalid_grant", "unsupported_token_type"])(
    "which the provider says by 400 %s",
    async (error) => {
      const failures = await signOut((_req, res) => {
        res.status(400).json({ error });
      });
      expect(failures).toEqual([]);
    },
  );

  test.each([
    ["a redirect", 302, "ERR_TOKEN_RESPONSE_INVALID"],
    ["400 without an error", 400, "ERR_TOKEN_REQUEST_REJECTED"],
    ["500", 500, "ERR_PROVIDER_UNAVAILABLE"],
  ])(
    "but %s is no answer: its event has a code of its own",
    async (_what, status, code) => {
      const failures = await signOut((_req, res) => {
        res.status(status).set("Location", "/").end();
      });
      expect(failures).toEqual([code]);
    },
  );
});
