/** RFC 6749 and OpenID Connect Core: which token responses start a login. */
import { inspect } from "node:util";

import { describe, expect, test } from "@jest/globals";

import { expectAccepted, expectRefused } from "../support/id-token-login.js";
import type { Json, Misbehaviour } from "../support/lying-provider.js";
import { inModuleWorld, USUAL_VARIANT } from "../support/module-world.js";

const answering = (
  tokenResponse: (right: Json) => Json,
): { readonly misbehave: Misbehaviour } => ({ misbehave: { tokenResponse } });

describe("a token response is refused", () => {
  test("CORE-17: without an ID Token", () =>
    expectRefused(
      {},
      answering(({ id_token: _removed, ...rest }) => rest),
    ));

  // Shows: CORE-14, CORE-16
  test("OA-11: with a token_type that is neither Bearer nor known", () =>
    expectRefused(
      {},
      {
        ...answering((right) => ({ ...right, token_type: "mac" })),
        code: "ERR_TOKEN_RESPONSE_INVALID",
      },
    ));

  test("DP-02: with token_type DPoP, which was not asked for", () =>
    expectRefused(
      {},
      {
        ...answering((right) => ({ ...right, token_type: "DPoP" })),
        code: "ERR_TOKEN_RESPONSE_INVALID",
      },
    ));

  test("ASVS 16.2.5: with an access token that would break a header; the token is in no error", () =>
    inModuleWorld(USUAL_VARIANT, async (world) => {
      const errors: Error[] = [];
      world.kit.events.on("error", (error) => errors.push(error));
      world.lie({
        // Without at_hash, which would be wrong too.
        idToken: { claims: { at_hash: undefined } },
        tokenResponse: (right) => ({
          ...right,
          access_token: "secret\r\nX-Evil: 1",
        }),
      });
      const page = await world.login();
      expect(page.body).toContain("ERR_TOKEN_RESPONSE_INVALID");
      expect(errors).toHaveLength(1);
      expect(inspect(errors, { depth: null })).not.toContain("X-Evil");
    }));
});

describe("a token response is accepted", () => {
  test("OA-10 fapi2 token-type-case-insensitivity: token_type in another case", () =>
    expectAccepted(
      {},
      answering((right) => ({ ...right, token_type: "bEARER" })),
    ));

  test("OA-10 fapi2 token-endpoint-response-without-expires_in", () =>
    expectAccepted(
      {},
      answering(({ expires_in: _removed, ...rest }) => rest),
    ));
});
