/** Where lib takes secrets out of their wrapping, and where a token is put on a request. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@jest/globals";

const LIB = join(import.meta.dirname, "../../lib");

/** Knows the kit by HTTP only, and is itself a provider and a resource server. */
const TEST_KIT = "testing/";

/** Without comments: those may speak of anything. */
const sources = readdirSync(LIB, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !file.startsWith(TEST_KIT))
  .map((file) => ({
    file,
    code: readFileSync(join(LIB, file), "utf8").replace(
      /\/\*[^]*?\*\/|^\s*\/\/.*$/gm,
      "",
    ),
  }));

function filesWith(pattern: RegExp): string[] {
  return sources
    .filter(({ code }) => pattern.test(code))
    .map(({ file }) => file);
}

/** Rooms where secrets are what the work is about: at the provider, on requests, sealed at rest. */
const ROOMS = ["provider/", "tokens/", "stores/"];

/** Single files with a reason of their own; none of these secrets is a token. */
const OTHERS = new Map([
  ["base/secret.ts", "the wrapping itself"],
  [
    "base/access-token.ts",
    "`value` of the token that an application asked for",
  ],
  ["sign-in/state.ts", "the state of a sign-in, hashed and compared"],
  ["sign-in/outcome.ts", "a session id, on its way into a sealed record"],
  ["sign-in/parked-responses.ts", "an answer of the provider that was sealed"],
  [
    "sign-in/kept-forms.ts",
    "what a user filled in, on its way to be asked about",
  ],
  ["flow/2-callback.ts", "the session id of a browser that comes again"],
]);

test("secrets are revealed in provider/, tokens/ and stores/, and in a few files for a reason", () => {
  const elsewhere = filesWith(/\breveal\(/).filter(
    (file) => !ROOMS.some((room) => file.startsWith(room)),
  );
  expect(elsewhere.sort()).toEqual([...OTHERS.keys()].sort());
});

test.each<[string, RegExp]>([
  [
    "the header Authorization is set",
    /\bauthorization["'`]?\s*[:\]=](?!\s*Authorization\b)|["'`]authorization["'`]/i,
  ],
  ["a type of token stands before a token", /\b(?:Bearer|DPoP|type\}) \$\{/],
])("only in tokens/presentation.ts %s", (_what, pattern) => {
  const files = filesWith(pattern).filter(
    // It sends nothing: it hides what others have sent.
    (file) => !file.startsWith("inspector/"),
  );
  expect(files).toEqual(["tokens/presentation.ts"]);
});

test("nobody but tokens/, provider/ and stores/ looks into a stored token", () => {
  const users = filesWith(/\baccessTokens\b/).filter(
    (file) => !ROOMS.some((room) => file.startsWith(room)),
  );
  // It asks UserInfo with it.
  expect(users).toEqual(["sign-in/identity.ts"]);
});
