/** Redirect URIs of several providers: no two are one, and none is an endpoint. */
import { expect, test } from "@jest/globals";

import type { ProviderOptions } from "../../lib/config/options.js";
import { problemsOf, type AnyOptions } from "../support/read-options.js";

const at = (host: string): ProviderOptions => ({
  issuer: `https://${host}.example`,
  clientId: "shop",
  clientSecret: "a client secret",
});

/** What is wrong with these providers. */
function problemsWith(
  providers: AnyOptions,
  others: AnyOptions = {},
): readonly string[] {
  return problemsOf({
    issuer: undefined,
    clientId: undefined,
    clientSecret: undefined,
    providers,
    ...others,
  }).filter((problem) => problem.includes("callbackPath"));
}

test("the path of another provider's callbackPath is refused", () => {
  expect(
    problemsWith({
      one: { ...at("one"), callbackPath: "/back" },
      other: { ...at("other"), callbackPath: "/back" },
    }),
  ).toEqual(["providers.other.callbackPath: is that of providers.one"]);
});

test.each([
  [
    { ...at("one"), callbackPath: "/callback/other" },
    at("other"),
    "providers.other.callbackPath: is that of providers.one",
  ],
  [
    at("one"),
    { ...at("other"), callbackPath: "/callback/one" },
    "providers.other.callbackPath: is that of providers.one",
  ],
])("so is the path that another has by its name", (one, other, problem) => {
  expect(problemsWith({ one, other })).toEqual([problem]);
});

test("so is the path of an endpoint, which would not be answered any more", () => {
  expect(
    problemsWith({ one: { ...at("one"), callbackPath: "/logout" } }),
  ).toEqual(["providers.one.callbackPath: is that of paths.logout"]);
  expect(
    problemsWith(
      { login: at("one") },
      { paths: { callback: "/auth", login: "/auth/login" } },
    ),
  ).toEqual(["providers.login.callbackPath: is that of paths.login"]);
});

test("one of them may have the callback's own path", () => {
  expect(
    problemsWith({
      one: { ...at("one"), callbackPath: "/callback" },
      other: at("other"),
    }),
  ).toEqual([]);
});
