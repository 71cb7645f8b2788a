/** The conformance suite's plan of refresh tokens. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import type { TokenLie } from "../support/lying-provider.js";
import {
  ACCESS_TOKEN_SECONDS,
  expectSignedIn,
  expectStopped,
  inModuleWorld,
  type ModuleWorld,
  USUAL_VARIANT,
} from "../support/module-world.js";

const LOGIN = ["GET /authorize", "POST /token", "GET /userinfo"];

beforeEach(takeClock);
afterEach(releaseClock);

/** Signs in, and asks for UserInfo when the access token has expired. */
async function userInfoAfterExpiry(world: ModuleWorld): Promise<Response> {
  expectSignedIn(world, await world.login());
  passSeconds(ACCESS_TOKEN_SECONDS + 1);
  return world.browser.fetchJson(`${world.url}/userinfo`);
}

test("oidcc-client-test-refresh-token, refresh: CORE-47: UserInfo is asked with the refreshed token, and the next refresh is made with the new refresh token", () =>
  inModuleWorld(USUAL_VARIANT, async (world) => {
    const answer = await userInfoAfterExpiry(world);
    expect(await answer.json()).toMatchObject({ sub: "alice" });
    const refresh = ["POST /token", "GET /userinfo"];
    expect(world.calls()).toEqual([...LOGIN, ...refresh]);

    passSeconds(ACCESS_TOKEN_SECONDS + 1);
    const later = await world.browser.fetchJson(`${world.url}/userinfo`);
    expect(await later.json()).toMatchObject({ sub: "alice" });
    expect(world.calls()).toEqual([...LOGIN, ...refresh, ...refresh]);
  }));

test.each<[string, string, TokenLie]>([
  [
    "oidcc-client-test-refresh-token-invalid-issuer",
    "another issuer",
    { claims: (right) => ({ ...right, iss: `${String(right["iss"])}1` }) },
  ],
  [
    "oidcc-client-test-refresh-token-invalid-sub",
    "another subject",
    { claims: (right) => ({ ...right, sub: `${String(right["sub"])}1` }) },
  ],
])(
  "%s, refresh: CORE-48: a refreshed ID Token with %s ends the login, and no UserInfo request follows",
  (_module, _what, lie) =>
    inModuleWorld(USUAL_VARIANT, async (world) => {
      world.lie({ idToken: { ...lie, grantType: "refresh_token" } });
      const answer = await userInfoAfterExpiry(world);
      expect(answer.status).toBe(502);
      expect(await answer.json()).toMatchObject({
        code: "ERR_ID_TOKEN_INVALID",
      });
      await expectStopped(world, [...LOGIN, "POST /token"]);
    }),
);
