/**
 * The provider of the conformance tests signs users in rightly unless told otherwise.
 *
 * The relying party here is openid-client alone, with jose: a kit that was tested
 * against a provider which is wrong by default would have learned its mistakes.
 */
import { afterEach, describe, expect, test } from "@jest/globals";
import { decodeProtectedHeader, type JWK } from "jose";
import * as oidc from "openid-client";

import {
  answerOf,
  authorize,
  CLIENT_ID,
  CLIENT_SECRET,
  closeScenes,
  discovered,
  login,
  NONCE,
  redeem,
  scene,
  STATE,
  verified,
} from "../support/bare-relying-party.js";
import {
  type Misbehaviour,
  withBrokenSignature,
} from "../support/lying-provider.js";

afterEach(closeScenes);

describe("by default, a login", () => {
  test("passes every check of openid-client, the ID Token's signature included", async () => {
    const s = await scene();
    const tokenSet = await login(s);
    expect(tokenSet.claims()).toMatchObject({
      iss: s.provider.url,
      sub: "alice",
      aud: CLIENT_ID,
      nonce: NONCE,
      sid: s.provider.sidOf("alice"),
      at_hash: expect.any(String),
      auth_time: expect.any(Number),
    });
    const userinfo = await oidc.fetchUserInfo(
      s.config,
      tokenSet.access_token,
      "alice",
    );
    expect(userinfo).toEqual({ sub: "alice", name: "alice" });
    expect(s.provider.requests).toEqual([
      "GET /.well-known/openid-configuration",
      "GET /authorize",
      "POST /token",
      "GET /jwks",
      "GET /userinfo",
    ]);
    expect(s.provider.jwksFetches()).toBe(1);
  });

  test.each(["RS256", "ES256", "EdDSA", "PS256"])(
    "signs with %s if the client is registered with it",
    async (alg) => {
      const s = await scene({ client: { idTokenSignedResponseAlg: alg } });
      const { id_token: idToken = "" } = await login(s);
      expect(decodeProtectedHeader(idToken)).toEqual({
        alg,
        kid: expect.any(String),
      });
    },
  );

  test("has an issuer with a path and a trailing slash if asked to", async () => {
    const s = await scene({ path: "/test/a/alias/" });
    const tokenSet = await login(s);
    expect(tokenSet.claims()?.iss).toMatch(/\/test\/a\/alias\/$/);
    expect(s.provider.requests).toContain("POST /token");
  });

  test("works with client_secret_post, and only with it if so registered", async () => {
    const authentication = oidc.ClientSecretPost(CLIENT_SECRET);
    const tokenEndpointAuthMethod = "client_secret_post";
    await login(await scene({ authentication }));
    await login(
      await scene({ authentication, client: { tokenEndpointAuthMethod } }),
    );
    await expect(
      login(await scene({ client: { tokenEndpointAuthMethod } })),
    ).rejects.toThrow(
      expect.objectContaining({ code: "OAUTH_WWW_AUTHENTICATE_CHALLENGE" }),
    );
  });

  test("answers by form post if asked to", async () => {
    const s = await scene();
    const page = await authorize(s, { response_mode: "form_post" });
    expect(page.body).toContain(`action="${s.appUrl}/callback"`);
    expect(page.body).toContain('name="code"');
    expect(page.body).toContain('name="state" value="a state"');
  });

  test("of the same browser keeps its sid; another user gets another", async () => {
    const s = await scene();
    const first = (await login(s)).claims();
    const second = (await login(s)).claims();
    const bob = (await login(s, { login_hint: "bob" })).claims();
    expect(second?.["sid"]).toBe(first?.["sid"]);
    expect(bob?.sub).toBe("bob");
    expect(bob?.["sid"]).not.toBe(first?.["sid"]);
  });

  test("is refused with prompt=none unless there is a session", async () => {
    const s = await scene();
    const refusal = answerOf(await authorize(s, { prompt: "none" }));
    expect(refusal.searchParams.get("error")).toBe("login_required");
    expect(refusal.searchParams.get("state")).toBe(STATE);
    await login(s);
    expect((await login(s, { prompt: "none" })).claims()?.sub).toBe("alice");
    const maxAge = answerOf(
      await authorize(s, { prompt: "none", max_age: "0" }),
    );
    expect(maxAge.searchParams.get("error")).toBe("login_required");
  });

  test.each([{ prompt: "login" }, { max_age: "0" }])(
    "has a new auth_time with %j",
    async (parameters) => {
      const s = await scene();
      await login(s);
      for (const session of s.provider.sessions.values()) session.authTime = 1;
      expect((await login(s)).claims()?.auth_time).toBe(1);
      const claims = (await login(s, parameters)).claims();
      expect(claims?.auth_time).toBeGreaterThan(1);
      expect(claims?.["sid"]).toBe(s.provider.sidOf("alice"));
    },
  );

  test("has the acr that was asked for", async () => {
    const s = await scene();
    const claims = JSON.stringify({
      id_token: { acr: { essential: true, values: ["gold"] } },
    });
    expect((await login(s)).claims()?.["acr"]).toBeUndefined();
    expect((await login(s, { acr_values: "silver" })).claims()).toMatchObject({
      acr: "silver",
    });
    expect((await login(s, { claims })).claims()).toMatchObject({
      acr: "gold",
    });
  });

  test("redeems a code once, and only with the code verifier", async () => {
    const s = await scene();
    const answer = answerOf(await authorize(s));
    await redeem(s, answer);
    await expect(redeem(s, answer)).rejects.toMatchObject({
      error: "invalid_grant",
    });
    const another = answerOf(
      await authorize(s, { code_challenge: "of-another-verifier" }),
    );
    await expect(redeem(s, another)).rejects.toMatchObject({
      error: "invalid_grant",
    });
  });

  test.each([
    [{ redirect_uri: "http://127.0.0.1:1/callback" }, 400],
    [{ client_id: "another" }, 400],
  ])("does not redirect with %j", async (parameters, status) => {
    const page = await authorize(await scene(), parameters);
    expect(page.response.status).toBe(status);
    expect(page.response.headers.get("location")).toBeNull();
  });

  test.each([
    [{ code_challenge_method: "plain" }, "invalid_request"],
    [{ scope: "profile" }, "invalid_scope"],
    [{ request: "a.request.object" }, "request_not_supported"],
  ])("answers with an error to %j", async (parameters, error) => {
    const answer = answerOf(await authorize(await scene(), parameters));
    expect(answer.searchParams.get("error")).toBe(error);
  });
});

describe("by default, tokens", () => {
  test("are refreshed with a refresh token that works once", async () => {
    const s = await scene();
    const first = await login(s);
    const used = first.refresh_token ?? "";
    const second = await oidc.refreshTokenGrant(s.config, used);
    expect(second.refresh_token).not.toBe(used);
    expect(second.access_token).not.toBe(first.access_token);
    expect(second.claims()).toMatchObject({
      sub: "alice",
      sid: s.provider.sidOf("alice"),
      auth_time: first.claims()?.auth_time,
    });
    expect(second.claims()).not.toHaveProperty("nonce");
    await expect(oidc.refreshTokenGrant(s.config, used)).rejects.toMatchObject({
      error: "invalid_grant",
    });
  });

  test("are good for nothing once they are revoked", async () => {
    const s = await scene();
    const { access_token: accessToken } = await login(s);
    await oidc.tokenRevocation(s.config, accessToken);
    expect(s.provider.revoked).toEqual([accessToken]);
    await expect(
      oidc.fetchUserInfo(s.config, accessToken, "alice"),
    ).rejects.toThrow();
  });

  test("are signed with one of many published keys, without alg and with a stranger", async () => {
    const s = await scene();
    const answer = await fetch(`${s.provider.issuer}/jwks`);
    const { keys } = (await answer.json()) as { keys: JWK[] };
    expect(keys.map(({ kty, crv, use }) => [kty, crv, use])).toEqual([
      ["XYZ", undefined, "sig"],
      ["RSA", undefined, "sig"],
      ["EC", "P-256", "sig"],
      ["OKP", "Ed25519", "sig"],
      ["RSA", undefined, "sig"],
      ["EC", "P-256", "sig"],
      ["EC", "secp256k1", "sig"],
      ["RSA", undefined, "enc"],
      ["EC", "P-256", "enc"],
    ]);
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
    for (const key of keys) {
      expect(key).not.toHaveProperty("alg");
      expect(key).not.toHaveProperty("d");
    }
  });

  test("are signed with new keys after a rotation", async () => {
    const s = await scene();
    const before = (await login(s)).id_token ?? "";
    await s.provider.rotateKeys();
    const fresh = { ...s, config: await discovered(s.provider) };
    const after = (await login(fresh)).id_token ?? "";
    expect(decodeProtectedHeader(after).kid).not.toBe(
      decodeProtectedHeader(before).kid,
    );
    await expect(verified(s, before)).rejects.toMatchObject({
      code: "ERR_JWKS_NO_MATCHING_KEY",
    });
  });
});

describe("on command, a login", () => {
  async function loginWith(misbehave: Misbehaviour) {
    const s = await scene({ misbehave });
    return { s, outcome: login(s) };
  }

  test.each<[string, Misbehaviour, string]>([
    [
      "a claim",
      { idToken: { claims: { sub: undefined } } },
      '"sub" (subject) claim missing',
    ],
    [
      "a signature",
      { idToken: { token: withBrokenSignature } },
      "signature verification failed",
    ],
    [
      "an alg",
      { idToken: { header: { alg: "none" } } },
      'unexpected JWT "alg"',
    ],
    ["the JWK Set", { jwks: () => [] }, "no applicable keys found"],
    [
      "the authorization response",
      { authorizationResponse: (right) => ({ ...right, iss: "urn:another" }) },
      'unexpected "iss" (issuer) response parameter',
    ],
    [
      "the token response",
      {
        tokenResponse: ({ token_type: _removed, ...rest }) => rest,
      },
      '"token_type" property must be a string',
    ],
  ])("changes %s", async (_what, misbehave, complaint) => {
    const { outcome } = await loginWith(misbehave);
    const error = (await outcome.catch((cause: unknown) => cause)) as Error;
    expect(error).toBeInstanceOf(Error);
    expect(complaintsOf(error)).toContain(complaint);
  });

  test("changes only the ID Token of a refresh", async () => {
    const { s, outcome } = await loginWith({
      idToken: { grantType: "refresh_token", claims: { iss: "urn:another" } },
    });
    const { refresh_token: refreshToken = "" } = await outcome;
    await expect(
      oidc.refreshTokenGrant(s.config, refreshToken),
    ).rejects.toThrow();
  });

  test("changes the metadata", async () => {
    const issuer = "http://127.0.0.1:1";
    const misbehave = { metadata: (right: object) => ({ ...right, issuer }) };
    await expect(scene({ misbehave })).rejects.toThrow();
  });

  test("changes the UserInfo response, or signs it", async () => {
    const s = await scene();
    const { access_token: accessToken } = await login(s);
    const bob = { sub: "bob" };
    const expected = { iss: s.provider.issuer, aud: CLIENT_ID };
    s.provider.misbehave = { userinfo: () => bob };
    await expect(
      oidc.fetchUserInfo(s.config, accessToken, "alice"),
    ).rejects.toThrow();
    s.provider.misbehave = {
      userinfo: (right) => s.provider.sign({ ...right, ...expected }),
    };
    const signed = await oidc.fetchProtectedResource(
      s.config,
      accessToken,
      new URL(`${s.provider.issuer}/userinfo`),
      "GET",
    );
    expect(signed.headers.get("content-type")).toContain("application/jwt");
    const { payload } = await verified(s, await signed.text());
    expect(payload).toEqual({ sub: "alice", name: "alice", ...expected });
  });

  test("has an answer of the test's own", async () => {
    const { outcome } = await loginWith({
      intercept(req, res, next) {
        if (req.path === "/token") res.status(503).end();
        else next();
      },
    });
    await expect(outcome).rejects.toThrow();
  });
});

/** The messages of an error and of its causes. */
function complaintsOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return `${error.message} ${complaintsOf(error.cause)}`;
}

describe("a hold", () => {
  test("keeps an answer back when its work is done", async () => {
    const s = await scene();
    const held = s.provider.hold("/token");
    const outcome = login(s);
    await held.reached;
    expect(s.provider.idTokens.size).toBe(1);
    held.release();
    expect((await outcome).claims()?.sub).toBe("alice");
    expect(held.count()).toBe(1);
    await login(s);
    expect(held.count()).toBe(1);
  });

  test("keeps a request back before anything is done", async () => {
    const s = await scene();
    const held = s.provider.hold("/token", "request");
    const outcome = login(s);
    await held.reached;
    expect(s.provider.idTokens.size).toBe(0);
    held.release();
    await outcome;
  });
});
