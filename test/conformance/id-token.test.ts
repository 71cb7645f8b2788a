/** OpenID Connect Core: which claims of an ID Token start a login. */
import { createHash } from "node:crypto";

import { describe, test } from "@jest/globals";

import { expectAccepted, expectRefused } from "../support/id-token-login.js";
import type { Claims } from "../support/lying-provider.js";
import { CLIENT_ID } from "../support/world.js";

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

/** OpenID Connect Core 1.0 section 3.1.3.6, for RS256. */
const accessTokenHash = (accessToken: string, bytes = 16): string =>
  createHash("sha256")
    .update(accessToken)
    .digest()
    .subarray(0, bytes)
    .toString("base64url");

// Issuer, audience, subject, nonce and iat that are wrong or missing are modules of
// the suite: see login-modules.ts.
describe("an ID Token is refused", () => {
  // Shows: ERR_ID_TOKEN_INVALID
  test.each<[string, Claims]>([
    [
      "another beside this client (fapi2 invalid-secondary-aud)",
      { aud: [CLIENT_ID, "other"] },
    ],
    [
      "another beside this client, though azp is this client",
      { aud: [CLIENT_ID, "other"], azp: CLIENT_ID },
    ],
    ["nobody", { aud: [] }],
    ["an object", { aud: { [CLIENT_ID]: true } }],
  ])("CORE-20: the audience is %s", (_what, claims) =>
    expectRefused({ claims }),
  );

  test.each(["other", "", 1])("CORE-21: azp is %j", (azp) =>
    expectRefused({ claims: { azp } }),
  );

  test.each(["aud", "exp", "iss", "nonce"])(
    "CORE-31 oidcc-client-test-missing-*: without %s",
    (claim) => expectRefused({ claims: { [claim]: undefined } }),
  );

  test.each<Claims>([
    { sub: "" },
    { sub: 1 },
    { sub: ["alice"] },
    { iss: ["https://op.example"] },
    { iat: "1" },
    { iat: null },
    { exp: "9999999999" },
    { exp: null },
    { nonce: null },
    { auth_time: "now" },
  ])("CORE-31: its claims are %j", (claims) => expectRefused({ claims }));

  test("CORE-31: sub is longer than 255 characters", () =>
    expectRefused({ claims: { sub: "s".repeat(256) } }));

  // Shows: ASVS 9.2.1
  test("CORE-25: expired", () =>
    expectRefused({ claims: { exp: nowSeconds() - 60 } }));

  test("CORE-26: issued in the future", () =>
    expectRefused({ claims: { iat: nowSeconds() + 120 } }));

  test.each<[string, (right: string) => unknown]>([
    ["another token's", () => accessTokenHash("another access token")],
    ["cut short", (right) => right.slice(0, -2)],
    ["empty", () => ""],
    ["no text", () => 1],
  ])(
    "CORE-30 oidcc-client-test-invalid-athash: at_hash is %s",
    (_what, changed) =>
      expectRefused({
        claims: (right) => ({
          ...right,
          at_hash: changed(String(right["at_hash"])),
        }),
      }),
  );

  test("CORE-30: at_hash is the whole hash of the access token, not its left half", () => {
    const accessToken = "an-access-token-that-the-test-knows";
    return expectRefused(
      { claims: { at_hash: accessTokenHash(accessToken, 32) } },
      {
        misbehave: {
          tokenResponse: (right) => ({ ...right, access_token: accessToken }),
        },
      },
    );
  });
});

describe("an ID Token is accepted", () => {
  test("fapi2 valid-aud-as-array: aud is an array of this client alone", () =>
    expectAccepted({ claims: { aud: [CLIENT_ID] } }));

  test("CORE-21: azp is this client", () =>
    expectAccepted({ claims: { azp: CLIENT_ID } }));

  test("CORE-25: expired within the clock tolerance", () =>
    expectAccepted({ claims: { exp: nowSeconds() - 10 } }));

  test("CORE-26: issued in the future within the clock tolerance", () =>
    expectAccepted({ claims: { iat: nowSeconds() + 10 } }));

  // Nonce and exp say whether it is of this login; some providers date tokens back.
  test("CORE-26: issued a day ago, as long as it has not expired", () =>
    expectAccepted({ claims: { iat: nowSeconds() - 24 * 60 * 60 } }));

  test("CORE-30: without at_hash", () =>
    expectAccepted({ claims: { at_hash: undefined } }));
});
