/** readConfig: where the provider is, for the application and for browsers. */
import { describe, expect, test } from "@jest/globals";

import { problemsOf, readProvider } from "../support/read-options.js";

const HTTPS =
  "must be https; http works on loopback addresses, elsewhere only with dangerouslyAllowInsecureRequests";

describe.each(["metadataUrl", "endSessionUrl"])("%s", (option) => {
  test.each([
    "https://op.example/meta",
    "https://op.example/meta?p=policy",
    "http://127.0.0.1:8080/meta",
  ])("may be %s", (value) => {
    expect(readProvider({ [option]: value })).toMatchObject({
      [option]: value,
    });
  });

  test.each([
    ["http://op.example/meta", HTTPS],
    ["ftp://op.example/meta", HTTPS],
    ["https://op.example/meta#a", "must have no fragment or user name"],
    ["https://me@op.example/meta", "must have no fragment or user name"],
    ["/meta", "must be an absolute URL"],
  ])("is refused as %s: %s", (value, problem) => {
    expect(problemsOf({ [option]: value })).toEqual([`${option}: ${problem}`]);
  });

  test("may be http with dangerouslyAllowInsecureRequests", () => {
    const options = {
      [option]: "http://op.example/meta",
      dangerouslyAllowInsecureRequests: true,
    };
    expect(problemsOf(options)).toEqual([]);
  });
});

describe("internalOrigin", () => {
  const NO_ORIGIN =
    "must be an origin, such as http://keycloak:8080, without path, query, fragment or user name";

  test.each([
    "https://op.internal.example",
    "https://op.internal.example/",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
  ])("may be %s", (internalOrigin) => {
    expect(problemsOf({ internalOrigin })).toEqual([]);
  });

  test.each([
    ["http://keycloak:8080", HTTPS],
    ["https://op.internal/auth", NO_ORIGIN],
    ["https://op.internal/?a=1", NO_ORIGIN],
    ["https://op.internal/#a", NO_ORIGIN],
    ["https://me@op.internal", NO_ORIGIN],
    ["keycloak", "must be an absolute URL"],
    ["https://op.example:443", "is the origin of issuer; leave it out"],
  ])("is refused as %s: %s", (internalOrigin, problem) => {
    expect(problemsOf({ internalOrigin })).toEqual([
      `internalOrigin: ${problem}`,
    ]);
  });

  test("may be http in a container network with dangerouslyAllowInsecureRequests", () => {
    const options = {
      internalOrigin: "http://keycloak:8080",
      dangerouslyAllowInsecureRequests: true,
    };
    expect(problemsOf(options)).toEqual([]);
  });

  test("is no place for a logout, where browsers go", () => {
    const options = {
      internalOrigin: "https://op.internal",
      endSessionUrl: "https://op.internal/logout",
    };
    expect(problemsOf(options)).toEqual([
      "endSessionUrl: is at internalOrigin, where no browser comes; set the public address",
    ]);
  });
});

describe("logoutParameters", () => {
  test("are texts, or undefined for what is not to be sent", () => {
    const logoutParameters = {
      logout_uri: "https://a.example",
      state: undefined,
    };
    const config = readProvider({ logoutParameters });
    expect(config.logoutParameters).toEqual(logoutParameters);
    expect(config.logoutParameters).toHaveProperty("state");
    expect(Object.isFrozen(config.logoutParameters)).toBe(true);
  });

  test("are what a function returns", () => {
    const logoutParameters = (): object => ({});
    expect(readProvider({ logoutParameters }).logoutParameters).toBe(
      logoutParameters,
    );
  });

  test.each([[{ a: 1 }], [{ a: null }], [["a"]], ["a=b"], [new Map()]])(
    "are refused as %j",
    (logoutParameters) => {
      expect(problemsOf({ logoutParameters })).toEqual([
        "logoutParameters: must be an object whose members are texts or undefined, or a function that returns one",
      ]);
    },
  );
});
