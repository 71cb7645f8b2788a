/** OpenID Connect Core 5.3: which UserInfo responses are believed, and what they say about a user. */
import { describe, expect, test } from "@jest/globals";

import type { TokenLie } from "../support/lying-provider.js";
import { lyingWorld } from "../support/lying-world.js";
import {
  expectSignedIn,
  inModuleWorld,
  USUAL_VARIANT,
} from "../support/module-world.js";
import { CLIENT_ID } from "../support/world.js";

// UserInfo of somebody else is a module of the suite: see login-modules.ts.
test("CORE-36: what UserInfo says about protocol claims does not win over the ID Token", () =>
  inModuleWorld(USUAL_VARIANT, async (world) => {
    world.lie({
      userinfo: (right) => ({ ...right, iss: "https://evil.example" }),
    });
    expectSignedIn(world, await world.login());
    const claims = await world.browser.fetchJson(`${world.url}/claims`);
    expect(await claims.json()).toMatchObject({
      iss: world.provider.issuer,
      sub: "alice",
      name: "alice",
    });
  }));

test("CORE-43: UserInfo is not fetched when the scope asks for no claims", async () => {
  const world = await lyingWorld({ kit: { scope: "openid" } });
  await world.signIn("alice");
  expect(world.provider.requests).toContain("POST /token");
  expect(world.provider.requests).not.toContain("GET /userinfo");
  await world.close();
});

describe("a UserInfo response that is a JWT", () => {
  const signedIn = (lie: TokenLie, check: (accepted: boolean) => void) =>
    inModuleWorld(USUAL_VARIANT, async (world) => {
      world.lie({
        metadata: (right) => ({
          ...right,
          userinfo_signing_alg_values_supported: ["none", "RS256"],
        }),
        userinfo: (right) =>
          world.provider.sign(
            { ...right, iss: world.provider.issuer, aud: CLIENT_ID },
            lie,
          ),
      });
      const page = await world.login();
      const accepted = page.url === `${world.url}/me`;
      if (!accepted) expect(page.body).toContain("ERR_USERINFO_INVALID");
      check(accepted);
      expect(await world.statusFor(world.browser)).toBe(accepted ? 200 : 401);
    });

  test("oidcc-client-test-userinfo-signed: CORE-40, CORE-41: with a right signature is accepted", () =>
    signedIn({}, (accepted) => {
      expect(accepted).toBe(true);
    }));

  test.each<[string, TokenLie]>([
    ["CORE-41: signed by a key that is not published", { key: "foreign" }],
    ["CORE-41: not signed", { header: { alg: "none" } }],
    ["CORE-40: of another issuer", { claims: { iss: "https://op.example" } }],
    ["CORE-40: for another audience", { claims: { aud: "other" } }],
    ["CORE-39: of another sub", { claims: { sub: "bob" } }],
  ])("%s is refused", (_what, lie) =>
    signedIn(lie, (accepted) => {
      expect(accepted).toBe(false);
    }),
  );
});
