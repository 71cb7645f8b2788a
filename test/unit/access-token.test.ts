/** An access token that an application is given cannot be printed by accident. */
import { Console } from "node:console";
import { PassThrough } from "node:stream";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";

import { describe, expect, test } from "@jest/globals";

import { GivenAccessToken } from "../../lib/base/access-token.js";
import { Secret } from "../../lib/base/secret.js";

const VALUE = "hush-hush";
const EXPIRES_AT = Date.UTC(2030, 0, 1);
const token = new GivenAccessToken({
  value: new Secret(VALUE),
  type: "Bearer",
  expiresAt: EXPIRES_AT,
  scope: "orders:read",
});
const nested = { deep: [{ map: new Map([["token", token]]) }], token };

test("it has a value, a type, an end and a scope", () => {
  expect(token.value).toBe(VALUE);
  expect(token.type).toBe("Bearer");
  expect(token.expiresAt).toEqual(new Date(EXPIRES_AT));
  expect(token.scope).toBe("orders:read");
});

test("a provider may say neither end nor scope", () => {
  const { expiresAt, scope } = new GivenAccessToken({
    value: new Secret(VALUE),
    type: "Bearer",
    expiresAt: undefined,
    scope: undefined,
  });
  expect({ expiresAt, scope }).toEqual({});
});

describe("its value is not in", () => {
  test.each<[string, () => string]>([
    ["String()", () => String(token)],
    // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- the accident itself
    ["a template", () => `Bearer ${token}`],
    // eslint-disable-next-line @typescript-eslint/restrict-plus-operands -- the accident itself
    ["a sum of texts", () => "Bearer " + token],
    ["a joined array", () => [token].join()],
    ["JSON", () => JSON.stringify(nested)],
    ["util.inspect", () => inspect(token)],
    ["util.inspect of what holds it", () => inspect(nested, { depth: 9 })],
    [
      "util.inspect with everything shown",
      () => inspect(nested, { showHidden: true, depth: 9, getters: true }),
    ],
    ["util.format", () => format("%s %o %O %j", token, token, token, token)],
    ["an Error", () => inspect(new Error("no", { cause: token }))],
    // eslint-disable-next-line @typescript-eslint/no-misused-spread -- the accident itself
    ["a spread", () => inspect({ ...token })],
    ["a copy", () => inspect(Object.assign({}, token))],
    ["Object.entries", () => inspect(Object.entries(token))],
    [
      "URLSearchParams",
      () => new URLSearchParams({ a: token as never }).toString(),
    ],
    ["structuredClone", () => inspect(structuredClone(token))],
    ["v8.serialize", () => serialize(token).toString("latin1")],
    [
      "console.log",
      () => {
        const stream = new PassThrough();
        new Console(stream).log("token %s", token, nested);
        return String(stream.read());
      },
    ],
  ])("%s", (_where, print) => {
    expect(print()).not.toContain("hush");
  });
});

test("what is printed tells type, end and scope", () => {
  const told = { type: "Bearer", expiresAt: "2030-01-01T00:00:00.000Z" };
  expect(JSON.parse(JSON.stringify(token))).toEqual({
    ...told,
    scope: "orders:read",
  });
  expect(inspect(token)).toMatch(/^AccessToken \{.*orders:read/s);
  expect(String(token)).toBe("[access token]");
});

test("nobody can change it for the others who have it", () => {
  expect(() => Object.assign(token, { value: "other" })).toThrow(TypeError);
  expect(() => Object.assign(token, { type: "DPoP" })).toThrow(TypeError);
  expect([token.value, token.type]).toEqual([VALUE, "Bearer"]);
});
