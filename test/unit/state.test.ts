/** The `state` of a sign-in: an answer names the very one, whatever its length. */
import { expect, test } from "@jest/globals";

import { Secret } from "../../lib/base/secret.js";
import { isAnswerTo } from "../../lib/sign-in/state.js";

const transaction = {
  provider: "default",
  issuer: "https://op.example",
  baseUrl: "https://shop.example",
  state: new Secret("the state"),
  codeVerifier: new Secret("verifier"),
  nonce: new Secret("nonce"),
  returnTo: "/",
  acrValues: [],
  maxAgeSeconds: undefined,
  isSilent: false,
};

// Shows: CORE-03
test("CORE-03: an answer belongs to the sign-in whose state it names", () => {
  expect(isAnswerTo(transaction, "the state")).toBe(true);
});

test.each(["", "the", "the state ", "The state", "another state"])(
  "an answer with the state %j is none to this sign-in",
  (state) => {
    expect(isAnswerTo(transaction, state)).toBe(false);
  },
);
