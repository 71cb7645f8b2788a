/** A Secret cannot be printed, logged or serialized by accident. */
import { Console } from "node:console";
import { PassThrough } from "node:stream";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";

import { describe, expect, test } from "@jest/globals";

import { Secret } from "../../lib/base/secret.js";

const VALUE = "hush-hush";
const secret = new Secret(VALUE);
const nested = { deep: [{ map: new Map([["token", secret]]) }], secret };

describe("its value is not in", () => {
  test.each<[string, () => string]>([
    ["String()", () => String(secret)],
    // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- the accident itself
    ["a template", () => `Bearer ${secret}`],
    // eslint-disable-next-line @typescript-eslint/restrict-plus-operands -- the accident itself
    ["a sum of texts", () => "Bearer " + secret],
    ["a joined array", () => [secret].join()],
    ["JSON", () => JSON.stringify(nested)],
    ["util.inspect", () => inspect(secret)],
    ["util.inspect of what holds it", () => inspect(nested, { depth: 9 })],
    [
      "util.inspect with everything shown",
      () => inspect(nested, { showHidden: true, depth: 9, getters: true }),
    ],
    ["util.inspect with showProxy", () => inspect(nested, { showProxy: true })],
    [
      "util.format",
      () => format("%s %o %O %j", secret, secret, secret, secret),
    ],
    ["an Error", () => inspect(new Error("no", { cause: secret }))],
    ["a copy", () => inspect(Object.assign({}, secret))],
    ["Object.entries", () => inspect(Object.entries(secret))],
    ["Reflect.ownKeys", () => Reflect.ownKeys(secret).map(String).join()],
    [
      "URLSearchParams",
      () => new URLSearchParams({ a: secret as never }).toString(),
    ],
    ["structuredClone", () => inspect(structuredClone(secret))],
    ["v8.serialize", () => serialize(secret).toString("latin1")],
  ])("%s", (_where, print) => {
    expect(print()).not.toContain("hush");
  });

  test.each(["log", "info", "warn", "error", "debug"] as const)(
    "console.%s",
    (method) => {
      const output = written((output) => {
        output[method]("token %s", secret, nested);
      });
      expect(output).toContain("token");
      expect(output).not.toContain("hush");
    },
  );

  test("console.dir", () => {
    const output = written((output) => {
      output.dir(nested, { showHidden: true, depth: 9 });
    });
    expect(output).not.toContain("hush");
  });
});

test("it says that there was a secret", () => {
  expect(String(secret)).toBe("[secret]");
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
});

test("reveal() gives its value", () => {
  expect(secret.reveal()).toBe(VALUE);
});

test("its value cannot be changed", () => {
  Object.assign(secret, { value: "other", "#value": "other" });
  expect(secret.reveal()).toBe(VALUE);
});

/** What Node's own console writes; Jest has replaced the global one. */
function written(print: (output: Console) => void): string {
  const stream = new PassThrough();
  print(new Console(stream));
  return String(stream.read());
}
