/** What records and tokens say, compressed: the same when it comes back, in this version and in later ones. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";

import { compress, decompress } from "../../lib/stores/compressed-words.js";

const MAX_BYTES = 10_000;

test("every text comes back unchanged", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 500 }), (text) => {
      expect(decompress(compress(text), MAX_BYTES)).toBe(text);
    }),
  );
});

test("a text that is longer than the dictionary reaches comes back too", () => {
  const text = JSON.stringify({ email: "jane@example.com" }).repeat(1000);
  expect(decompress(compress(text), text.length)).toBe(text);
});

test("JSON that was never compressed is read as it is", () => {
  const text = '{"version":2}';
  expect(decompress(Buffer.from(text), MAX_BYTES)).toBe(text);
});

test("what an earlier process has compressed opens: the dictionary never changes", () => {
  const bytes = Buffer.from("AUOPlcwUWNKBx09WYl4qrlyE38G1AA==", "base64");
  expect(decompress(bytes, MAX_BYTES)).toBe(
    '{"iss":"https://id.example","sub":"jane","email_verified":true,"scope":"openid profile email"}',
  );
});

test("bytes that would become more than is allowed are refused", () => {
  const bytes = compress("a".repeat(MAX_BYTES + 1));
  expect(() => decompress(bytes, MAX_BYTES)).toThrow("10000 bytes");
});
