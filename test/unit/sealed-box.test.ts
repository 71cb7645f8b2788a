/** The sealed box: what Redis holds opens only for us, and only where it was put. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { createSealedBox } from "../../lib/stores/sealed-box.js";

const SECRET = "a session secret of thirty-two characters";
const OLD_SECRET = "an older session secret of this application";
const PLACE = "login-kit:{abc}:login";

const box = createSealedBox([SECRET]);

test("what was sealed opens at its place", () => {
  expect(box.open(box.seal("a token", PLACE), PLACE)).toBe("a token");
});

test.each([
  ["nothing", ""],
  ["one letter", "a"],
  ["text beyond ASCII", "Grüße, 世界 \u{1f511}\u0000"],
  ["what compresses well", "a".repeat(1_000_000)],
])("%s comes back unchanged", (_what, text) => {
  expect(box.open(box.seal(text, PLACE), PLACE)).toBe(text);
});

test("every text comes back unchanged", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, place) => {
      expect(box.open(box.seal(text, place), place)).toBe(text);
    }),
  );
});

test("the sealed value does not hold the text", () => {
  const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
  const sealed = box.seal(token, PLACE);
  for (const encoding of ["utf8", "base64", "base64url", "hex"] as const) {
    expect(sealed.toString(encoding)).not.toContain(token.slice(0, 12));
    expect(sealed.toString("latin1")).not.toContain(
      Buffer.from(token).toString(encoding).slice(0, 12),
    );
  }
});

test("the same text never looks the same twice", () => {
  const seen = new Set(
    Array.from({ length: 100 }, () => box.seal("a", PLACE).toString("hex")),
  );
  expect(seen.size).toBe(100);
});

test("long values are compressed before they are sealed", () => {
  const token = JSON.stringify({ scope: "orders:read ".repeat(200) });
  expect(box.seal(token, PLACE).length).toBeLessThan(token.length / 4);
});

describe("does not open", () => {
  const sealed = box.seal("a token of a login", PLACE);

  test("at another place", () => {
    expect(box.open(sealed, "login-kit:{abd}:login")).toBeUndefined();
    expect(box.open(sealed, "")).toBeUndefined();
  });

  test("with another secret", () => {
    expect(createSealedBox([OLD_SECRET]).open(sealed, PLACE)).toBeUndefined();
  });

  test("with any bit of it altered", () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = Buffer.from(sealed);
      const index = bit >> 3;
      altered[index] = (altered[index] ?? 0) ^ (1 << (bit & 7));
      expect(box.open(altered, PLACE)).toBeUndefined();
    }
  });

  test("cut off anywhere", () => {
    for (let length = 0; length < sealed.length; length++) {
      expect(box.open(sealed.subarray(0, length), PLACE)).toBeUndefined();
    }
  });

  test("with something added", () => {
    const longer = Buffer.concat([sealed, Buffer.from("x")]);
    expect(box.open(longer, PLACE)).toBeUndefined();
  });

  test("when it was never sealed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(box.open(Buffer.from(bytes), PLACE)).toBeUndefined();
      }),
    );
  });
});

describe("rotation of secrets", () => {
  const before = createSealedBox([OLD_SECRET]);
  const during = createSealedBox([SECRET, OLD_SECRET]);
  const after = createSealedBox([SECRET]);

  test("what the older secret sealed still opens", () => {
    expect(during.open(before.seal("a", PLACE), PLACE)).toBe("a");
  });

  test("the first secret seals", () => {
    expect(after.open(during.seal("a", PLACE), PLACE)).toBe("a");
    expect(before.open(during.seal("a", PLACE), PLACE)).toBeUndefined();
  });

  test("a secret that was taken away opens nothing more", () => {
    expect(after.open(before.seal("a", PLACE), PLACE)).toBeUndefined();
  });
});
