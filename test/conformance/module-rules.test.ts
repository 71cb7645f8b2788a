/** The rules that hold in every module notice what breaks them. */
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
} from "openid-client";

import {
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import { moduleRules, type Variant } from "../support/module-rules.js";

const CLIENT = {
  clientId: "shop",
  clientSecret: "a secret",
  redirectUris: ["https://shop.example/callback"],
};
const BASIC = `Basic ${Buffer.from("shop:a+secret").toString("base64")}`;

type Changes = Readonly<Record<string, string | undefined>>;

let provider: LyingProvider;
afterEach(() => provider.close());

/** A relying party that sends what a test changes in the right requests. */
async function relyingParty(variant: Partial<Variant> = {}) {
  const rules = moduleRules({
    responseMode: "query",
    clientAuth: "client_secret_basic",
    ...variant,
    ...CLIENT,
    scope: "openid profile",
  });
  provider = await startLyingProvider({
    clients: [CLIENT],
    watch: rules.middleware,
  });
  const verifier = randomPKCECodeVerifier();
  const parameters = {
    client_id: "shop",
    redirect_uri: CLIENT.redirectUris[0],
    response_type: "code",
    scope: "openid profile",
    state: "a-state",
    nonce: randomNonce(),
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  };
  return {
    violations: rules.violations,
    authorize: async (changes: Changes = {}) => {
      const query = form({ ...parameters, ...changes });
      const answer = await fetch(
        `${provider.url}/authorize?${query.toString()}`,
        { redirect: "manual" },
      );
      const location = answer.headers.get("location");
      if (location === null) return "";
      return new URL(location).searchParams.get("code") ?? "";
    },
    token: async (changes: Changes = {}, authorization = BASIC) => {
      const answer = await fetch(`${provider.url}/token`, {
        method: "POST",
        headers: authorization === "" ? {} : { authorization },
        body: form({
          grant_type: "authorization_code",
          redirect_uri: parameters.redirect_uri,
          code_verifier: verifier,
          ...changes,
        }),
      });
      return (await answer.json()) as Record<string, string>;
    },
  };
}

function form(parameters: Changes): URLSearchParams {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) given.set(name, value);
  }
  return given;
}

test("a right login and a right refresh break no rule", async () => {
  const { authorize, token, violations } = await relyingParty();
  const tokens = await token({ code: await authorize() });
  await fetch(`${provider.url}/userinfo`, {
    headers: { authorization: `Bearer ${tokens["access_token"] ?? ""}` },
  });
  const refreshed = await token({
    grant_type: "refresh_token",
    refresh_token: tokens["refresh_token"],
    redirect_uri: undefined,
    code_verifier: undefined,
  });
  expect(refreshed["access_token"]).toEqual(expect.any(String));
  expect(violations).toEqual([]);
});

describe("an authorization request", () => {
  test.each<[Changes, string]>([
    [{ request: "a.request.object" }, "authorize: request"],
    [{ request_uri: "https://shop.example/r" }, "authorize: request_uri"],
    [{ scope: "profile" }, "authorize: scope"],
    [{ response_type: "code id_token" }, "authorize: response_type"],
    [{ client_id: "other" }, "authorize: client_id"],
    [{ client_id: "other" }, "GET /authorize is answered 400"],
    [
      { redirect_uri: "https://shop.example/callback#part" },
      "authorize: redirect_uri",
    ],
    [
      { redirect_uri: "https://shop.example/other" },
      "GET /authorize is answered 400",
    ],
    [{ response_mode: "form_post" }, "authorize: response_mode"],
    [{ prompt: "none", max_age: "0" }, "authorize: prompt=none with max_age=0"],
    [{ state: "" }, "authorize: state"],
    [{ nonce: "" }, "authorize: nonce"],
    [{ nonce: "n".repeat(44) }, "authorize: nonce"],
    [{ nonce: "n/onc=e" }, "authorize: nonce"],
    [{ code_challenge_method: "plain" }, "authorize: code_challenge"],
    [{ code_challenge: "short" }, "authorize: code_challenge"],
    [{ claims: "{" }, "authorize: claims"],
    [{ claims: '{"userinfos":{}}' }, "authorize: claims"],
  ])("with %j: %s", async (changes, violation) => {
    const { authorize, violations } = await relyingParty();
    await authorize(changes);
    expect(violations).toContain(violation);
  });

  test("that repeats nonce and code_challenge", async () => {
    const { authorize, violations } = await relyingParty();
    await authorize();
    await authorize();
    expect(violations).toEqual([
      "nonce has been used before",
      "code_challenge has been used before",
    ]);
  });

  test("without response_mode where form_post is the variant", async () => {
    const { authorize, violations } = await relyingParty({
      responseMode: "form_post",
    });
    await authorize();
    expect(violations).toEqual(["authorize: response_mode"]);
  });
});

describe("a token request", () => {
  const secretTwice = { client_id: "shop", client_secret: "a secret" };

  test.each<[string, Changes, string | undefined, string]>([
    ["no authentication", {}, "", "token: client authentication"],
    ["two methods", secretTwice, BASIC, "token: client authentication"],
    ["the other method", secretTwice, "", "token: client authentication"],
    ["another client_id", { client_id: "other" }, BASIC, "token: client_id"],
    ["another grant", { grant_type: "password" }, BASIC, "token: grant_type"],
    ["another code", { code: "x" }, BASIC, "POST /token is answered 400"],
    ["no code", { code: undefined }, BASIC, "token: code"],
    [
      "another redirect_uri",
      { redirect_uri: "https://shop.example/" },
      BASIC,
      "token: redirect_uri",
    ],
    [
      "a verifier that can be guessed",
      { code_verifier: "a".repeat(43) },
      BASIC,
      "token: code_verifier is short, or has little entropy",
    ],
    [
      "another verifier",
      { code_verifier: randomPKCECodeVerifier() },
      BASIC,
      "token: code_verifier of another request",
    ],
    [
      "no refresh token",
      { grant_type: "refresh_token" },
      BASIC,
      "token: refresh_token",
    ],
    [
      "a wider scope",
      { grant_type: "refresh_token", scope: "openid email" },
      BASIC,
      "token: scope is wider than it was",
    ],
  ])("with %s", async (_what, changes, authorization, violation) => {
    const { authorize, token, violations } = await relyingParty();
    await token({ code: await authorize(), ...changes }, authorization);
    expect(violations).toContain(violation);
  });

  test("by HTTP Basic where client_secret_post is the variant", async () => {
    const { authorize, token, violations } = await relyingParty({
      clientAuth: "client_secret_post",
    });
    await token({ code: await authorize() });
    expect(violations).toEqual(["token: client authentication"]);
  });

  test("that repeats a code_verifier", async () => {
    const { authorize, token, violations } = await relyingParty();
    await token({ code: await authorize() });
    await token({ code: "another" });
    expect(violations).toContain("code_verifier has been used before");
  });
});

test("a UserInfo request with the token in the query, twice, or not at all", async () => {
  const { violations } = await relyingParty();
  const url = `${provider.url}/userinfo`;
  const authorization = "Bearer token";
  const body = new URLSearchParams({ access_token: "token" });
  await fetch(`${url}?access_token=token`, { headers: { authorization } });
  await fetch(url, { method: "POST", headers: { authorization }, body });
  await fetch(url);
  expect(violations.filter((text) => !text.includes("answered"))).toEqual([
    "userinfo: access token in the query",
    "userinfo: access token in one place",
    "userinfo: access token in one place",
  ]);
});
