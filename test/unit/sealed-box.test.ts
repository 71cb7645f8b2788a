/** The sealed box: what Redis holds opens only for us, and only where it was put. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { Secret } from "../../lib/base/secret.js";
import { createSealedBox } from "../../lib/stores/sealed-box.js";
import { createTokenBox } from "../../lib/stores/token-box.js";

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

describe("with the browser's part of the key", () => {
  const part = new Secret("x1T9-a-session-id-of-24-bytes-xx");
  const sealed = box.seal("a token", PLACE, part);
  const openedWith = (given?: () => Secret | undefined): string | undefined =>
    box.openBytes(sealed, PLACE, given)?.toString();

  test("it opens with this part alone", () => {
    expect(openedWith(() => part)).toBe("a token");
    expect(openedWith(() => new Secret(`${part.reveal()}x`))).toBeUndefined();
    expect(openedWith(() => new Secret(""))).toBeUndefined();
    expect(openedWith(() => undefined)).toBeUndefined();
    expect(openedWith()).toBeUndefined();
    expect(box.open(sealed, PLACE)).toBeUndefined();
  });

  test("it does not open as what needs no part, nor the other way round", () => {
    const relabelled = Buffer.from(sealed);
    relabelled[0] = 1;
    expect(box.openBytes(relabelled, PLACE, () => part)).toBeUndefined();
    const without = box.seal("a token", PLACE);
    without[0] = 2;
    expect(box.openBytes(without, PLACE, () => part)).toBeUndefined();
  });

  test("it opens at its place and under its secret only", () => {
    const other = createSealedBox([OLD_SECRET]);
    expect(box.openBytes(sealed, `${PLACE}x`, () => part)).toBeUndefined();
    expect(other.openBytes(sealed, PLACE, () => part)).toBeUndefined();
    const during = createSealedBox([OLD_SECRET, SECRET]);
    expect(during.openBytes(sealed, PLACE, () => part)?.toString()).toBe(
      "a token",
    );
  });

  test("the part is not asked for where nothing needs it", () => {
    const never = (): never => {
      throw new Error("it was asked for");
    };
    const without = box.seal("a token", PLACE);
    expect(box.openBytes(without, PLACE, never)?.toString()).toBe("a token");
    const tokens = {
      idToken: new Secret("a.b.c"),
      refreshToken: undefined,
      accessTokens: {},
    };
    const tokenBox = createTokenBox(box, false);
    const stored = tokenBox.seal(tokens, PLACE, never);
    expect(tokenBox.open(stored, PLACE, never)?.idToken.reveal()).toBe("a.b.c");
  });

  test("tokens that need it are never sealed without", () => {
    const tokens = {
      idToken: new Secret("a.b.c"),
      refreshToken: undefined,
      accessTokens: {},
    };
    const tokenBox = createTokenBox(box, true);
    for (const missing of [undefined, () => undefined]) {
      expect(() => tokenBox.seal(tokens, PLACE, missing)).toThrow(TypeError);
    }
  });
});
