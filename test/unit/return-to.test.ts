/** localPath: only a path on this application is a place to return to. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { localPath } from "../../lib/base/return-to.js";

const APP = "https://app.example";

describe("is accepted as it is", () => {
  test.each([
    "/",
    "/orders",
    "/orders/",
    "/orders?page=2&sort=date",
    "/orders?page=2#top",
    "/#top",
    "/orders/17/lines/3",
    "/a//b",
    "/a%2Fb",
    "/%2Fevil.example",
    "/%5Cevil.example",
    "/caf%C3%A9?q=%20",
    "/search?q=https://elsewhere.example/",
    "/search?q=//elsewhere.example",
    "/@evil.example",
    "/user@evil.example/",
    "/:8080",
    "/https://evil.example",
    "/javascript:alert(1)",
    "/~alice/-._!$&'()*+,;=:@",
    `/${"a".repeat(2047)}`,
  ])("%s", (path) => {
    expect(localPath(path)).toBe(path);
  });
});

describe("is accepted in the form that the browser would make of it", () => {
  test.each([
    ["/a/../b", "/b"],
    ["/a/./b", "/a/b"],
    ["/../../b", "/b"],
    ["/b?", "/b"],
    ["/b#", "/b"],
    ["/a/%2e%2e/b", "/b"],
    // As routers decode it.
    ["/stra\u00dfe", "/stra%C3%9Fe"],
    ["/caf\u00e9/men\u00fc?q=a b#top", "/caf%C3%A9/men%C3%BC?q=a%20b#top"],
    ["/my orders/17", "/my%20orders/17"],
    ["/\u{1f600}?\u{1f600}", "/%F0%9F%98%80?%F0%9F%98%80"],
    ["/\u6ce8\u6587", "/%E6%B3%A8%E6%96%87"],
  ])("%s as %s", (value, path) => {
    expect(localPath(value)).toBe(path);
  });
});

describe("open redirector (RFC 9700 2.1): is refused", () => {
  test.each([
    // Another origin, said openly.
    "https://evil.example",
    "https://evil.example/orders",
    "HTTPS://EVIL.EXAMPLE",
    "http://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http:/\\evil.example",
    "ftp://evil.example",
    "https://app.example/",
    "https://app.example.evil.example/",
    "https://app.example@evil.example/",
    // Another origin by its name alone.
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "//evil.example/%2f..",
    "//app.example@evil.example",
    "//user:password@evil.example",
    "//evil.example:443/",
    "//localhost",
    "//0x7f000001",
    "//[::1]",
    "//evil%E3%80%82example",
    "//",
    "///",
    // Browsers read a backslash as a slash.
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "\\evil.example",
    "/\\\\evil.example",
    "/orders\\..\\evil",
    // Browsers drop tabs and line breaks, wherever they are.
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/\r\n/evil.example",
    "//\tevil.example",
    "/\t\\evil.example",
    "/orders\t",
    // Header injection.
    "/orders\r\nLocation: https://evil.example",
    "/orders\nSet-Cookie: session=evil",
    "/orders\u0000",
    "/\u0000/evil.example",
    // Browsers trim what is not printable.
    " //evil.example",
    " /orders",
    "/orders ",
    "/ /evil.example",
    "\u000b//evil.example",
    "\u00a0//evil.example",
    "\ufeff//evil.example",
    "/\u0085/evil.example",
    // Dot segments that leave two slashes at the beginning.
    "/.//evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "/a/../..//evil.example",
    "/%2e//evil.example",
    "/%2E%2e//evil.example",
    "/.//\\evil.example",
    // Letters that look like, or are folded into, a slash or a dot.
    "/\u2044evil.example",
    "/\u2215evil.example",
    "\uff0f\uff0fevil.example",
    "/\uff0fevil.example",
    "/\uff3cevil.example",
    "/\u3002evil.example",
    "/\ud800",
    // Other schemes.
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "javascript://evil.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "blob:https://evil.example/1",
    "about:blank",
    // Not a path at all.
    "",
    "orders",
    "./orders",
    "../orders",
    "?page=2",
    "#top",
    "@evil.example",
    ".evil.example",
    "%2F%2Fevil.example",
    "%68ttps://evil.example",
    `/${"a".repeat(2048)}`,
    `/${"a".repeat(100_000)}`,
  ])("%j", (value) => {
    expect(localPath(value)).toBeUndefined();
  });

  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a number", 1],
    ["true", true],
    ["an array of a path", ["/orders"]],
    ["an array of two", ["/orders", "//evil.example"]],
    ["an object", { path: "/orders" }],
    ["an object that is text on the second look", twoFaced()],
    ["a String object", Object("/orders")],
    ["a URL", new URL("https://app.example/orders")],
  ])("%s", (_what, value) => {
    expect(localPath(value)).toBeUndefined();
  });
});

describe("for every text", () => {
  // Texts out of the very characters that URL parsers disagree about.
  const tricky = fc.string({
    unit: fc.constantFrom(
      ...Array.from("/\\.:@?#%;&=-~"),
      "\t",
      "\n",
      "\r",
      "\0",
      " ",
      "%2e",
      "%2f",
      "%5c",
      "%09",
      "%0d%0a",
      "a",
      "evil.example",
      "https:",
      "javascript:",
      "//",
      "\u2044",
      "\uff0f",
      "\ud83d\ude00",
    ),
    maxLength: 30,
  });
  const anyText = fc.oneof(
    tricky,
    tricky.map((text) => `/${text}`),
    fc.string({ unit: "binary" }),
    fc.webPath(),
    fc.webUrl(),
  );

  // Shows: F2-05
  test("BCP-01, OA-21, ASVS 3.7.2: what is accepted stays on the application's origin", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const path = localPath(text);
        if (path === undefined) return;
        expect(new URL(path, APP).origin).toBe(APP);
        // Also where the redirect begins on a page deep below.
        expect(new URL(path, `${APP}/a/b?c#d`).origin).toBe(APP);
      }),
      { numRuns: 5000 },
    );
  });

  test("what was accepted once is accepted again, unchanged", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const path = localPath(text);
        if (path !== undefined) expect(localPath(path)).toBe(path);
      }),
      { numRuns: 5000 },
    );
  });

  test("what is accepted can stand in a header", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(localPath(text) ?? "/").toMatch(/^\/[\x21-\x7e]*$/);
      }),
      { numRuns: 5000 },
    );
  });
});

function twoFaced(): unknown {
  let asked = 0;
  return {
    toString: () => (asked++ === 0 ? "/orders" : "//evil.example"),
    startsWith: () => true,
    length: 5,
  };
}
