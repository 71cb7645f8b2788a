/** readConfig: several providers, several hosts, a path. */
import { describe, expect, test } from "@jest/globals";

import { readConfig } from "../../lib/config/config.js";
import { ConfigError, type LoginKitOptions } from "../../lib/index.js";
import {
  type AnyOptions,
  problemsOf,
  read,
  readProvider,
  SECRET,
} from "../support/read-options.js";

const STAFF = {
  issuer: "https://staff.example",
  clientId: "a",
  clientSecret: "b",
};
const CUSTOMERS = { ...STAFF, issuer: "https://customers.example" };

function severalProblems(change: AnyOptions): readonly string[] {
  const options: unknown = {
    baseUrl: "https://shop.example",
    session: { secret: SECRET },
    ...change,
  };
  try {
    readConfig(options as LoginKitOptions, { nodeEnv: "test" });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe("providers", () => {
  test("each may be as strict as a single one, and is checked as such", () => {
    expect(
      severalProblems({
        providers: {
          staff: STAFF,
          guests: { ...STAFF, issuer: "http://op.example", clientID: "x" },
          none: undefined,
        },
      }),
    ).toEqual([
      "providers.guests: unknown option clientID; did you mean clientId?",
      expect.stringMatching(/^providers.guests.issuer: must be https/),
      "providers.none.issuer: is missing; there are no options",
    ]);
  });

  test.each([["a/b"], ["a b"], [""], ["ä"], ["a".repeat(65)]])(
    "a name such as %j would not fit into an address",
    (name) => {
      expect(severalProblems({ providers: { [name]: STAFF } })).toEqual([
        expect.stringContaining("names may hold letters, digits, - and _"),
      ]);
    },
  );

  test("an option of each provider that stands beside them is misplaced", () => {
    expect(
      severalProblems({ providers: { staff: STAFF }, scope: "openid" }),
    ).toEqual([
      "scope: is an option of each provider; write it in providers.<name>",
    ]);
  });

  test("none at all is a mistake, unless they are found by name", () => {
    expect(severalProblems({ providers: {} })).toEqual([
      "providers: is empty; name one, or set findProvider",
    ]);
    expect(
      severalProblems({ findProvider: () => Promise.resolve(undefined) }),
    ).toEqual([]);
  });

  test("two cannot have one client, nor one redirect URI", () => {
    expect(
      severalProblems({
        providers: {
          staff: { ...STAFF, callbackPath: "/callback" },
          again: STAFF,
          customers: { ...CUSTOMERS, callbackPath: "/callback" },
        },
      }),
    ).toEqual([
      "providers.again: has issuer and clientId of providers.staff",
      "providers.customers.callbackPath: is that of providers.staff",
    ]);
  });

  test("what they share stays where it is when one is added", () => {
    const keyPrefix = (providers: object): string =>
      readConfig(
        {
          baseUrl: "https://shop.example",
          session: { secret: SECRET },
          providers,
        } as LoginKitOptions,
        { nodeEnv: "test" },
      ).keyPrefix;
    expect(keyPrefix({ staff: STAFF, customers: CUSTOMERS })).toBe(
      keyPrefix({ staff: STAFF }),
    );
  });
});

describe("an issuer with {tenantid}", () => {
  const template = {
    issuer: "https://op.example/{tenantid}/v2.0",
    metadataUrl: "https://op.example/common",
  };

  test("stands for the tenants that are named", () => {
    expect(readProvider({ ...template, tenants: ["a"] }).tenants).toEqual([
      "a",
    ]);
  });

  test.each<[AnyOptions, string]>([
    [template, "tenants: is missing"],
    [{ ...template, tenants: [] }, "tenants: must not be empty"],
    [{ ...template, tenants: ["a/b"] }, "tenants.0: must be ids of tenants"],
    [{ ...template, tenants: "a" }, "tenants: must be a list of tenant ids"],
    [{ issuer: template.issuer, tenants: ["a"] }, "metadataUrl: is missing"],
    [{ tenants: ["a"] }, "tenants: needs an issuer with {tenantid}"],
    [
      {
        ...template,
        issuer: "https://op.example/{tenantid}/{tenantid}",
        tenants: ["a"],
      },
      "issuer: must have {tenantid} once",
    ],
  ])("%j is told", (change, problem) => {
    expect(problemsOf(change)).toContainEqual(expect.stringContaining(problem));
  });
});

describe("baseUrl", () => {
  test.each<[string | readonly string[], string]>([
    [[], "baseUrl: must not be empty"],
    [
      ["https://a.example", "https://a.example/"],
      "baseUrl: names a host more than once",
    ],
    [
      ["https://a.example", "https://b.example/shop"],
      "baseUrl: all must have the same path",
    ],
    [
      ["https://a.example", "http://localhost"],
      "baseUrl: all must be https, or all http",
    ],
    [
      ["https://a.example", "http://b.example"],
      "baseUrl: must be https; http works on localhost",
    ],
    [["https://a.example", ""], "baseUrl.1: must not be empty"],
    ["", "baseUrl: must not be empty"],
  ])("%j is told", (baseUrl, problem) => {
    expect(problemsOf({ baseUrl })).toContainEqual(
      expect.stringContaining(problem),
    );
  });

  test("with a path puts it before every path that browsers see", () => {
    const config = read({
      baseUrl: "https://example.com/shop/",
      defaultReturnTo: "/home",
    });
    expect(config).toMatchObject({
      baseUrls: ["https://example.com"],
      basePath: "/shop",
      defaultReturnTo: "/shop/home",
      postLogoutReturnTo: "/shop/",
      paths: { login: "/shop/login", callback: "/shop/callback" },
      session: { cookieName: "__Host-session-shop" },
    });
    expect(
      readProvider({ baseUrl: "https://example.com/shop" }).callbackPath,
    ).toBe("/shop/callback");
  });
});
