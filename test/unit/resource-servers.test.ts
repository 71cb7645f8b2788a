/** Tokens go to configured resource servers only: by origin, and by whole path segments. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { type Config, readConfig } from "../../lib/config.js";
import { LoginKitError } from "../../lib/errors.js";
import {
  forwardTarget,
  resourceServerNamed,
  resourceServerOf,
} from "../../lib/resource/resource-servers.js";

const BASE = "https://orders.example/v1";

const config = configWith({
  orders: BASE,
  files: "https://files.example",
  admin: "https://orders.example/admin/",
  local: "http://127.0.0.1:4000/api",
});

describe("a resource server is found by its name", () => {
  test("when it is configured", () => {
    expect(resourceServerNamed(config, "orders").url.href).toBe(BASE);
  });

  test.each(["other", "", "Orders", "orders ", "__proto__", "constructor"])(
    "and by no other: %j",
    (name) => {
      expect(codeOf(() => resourceServerNamed(config, name))).toBe(
        "ERR_RESOURCE_NOT_ALLOWED",
      );
    },
  );
});

describe("a URL belongs to a resource server", () => {
  test.each([
    ["https://orders.example/v1", "orders"],
    ["https://orders.example/v1/", "orders"],
    ["https://orders.example/v1/17?page=2#top", "orders"],
    ["https://orders.example:443/v1/17", "orders"],
    ["HTTPS://ORDERS.example/v1/17", "orders"],
    ["https://orders.example/v2/../v1/17", "orders"],
    ["https://orders.example/admin/users", "admin"],
    ["https://files.example/", "files"],
    ["https://files.example/any/path", "files"],
    ["http://127.0.0.1:4000/api/x", "local"],
    ["http://127.1:4000/api/x", "local"],
  ])("%s: %s", (url, name) => {
    expect(resourceServerOf(config, url).server.name).toBe(name);
  });

  test("ASVS 1.5.3: and is sent in the form in which it was judged", () => {
    const { url } = resourceServerOf(
      config,
      "https://ORDERS.example\\v1\\..\\v1/%31\t7",
    );
    expect(url.href).toBe("https://orders.example/v1/%317");
  });

  test("and a URL object is copied before it is judged", () => {
    const address = new URL(`${BASE}/17`);
    const { url } = resourceServerOf(config, address);
    address.host = "evil.example";
    expect(url.href).toBe(`${BASE}/17`);
  });
});

describe("a URL gets no token", () => {
  test.each([
    // Another host.
    "https://evil.example/v1",
    "https://orders.example.evil.example/v1",
    "https://evil-orders.example/v1",
    "https://orders.example./v1",
    "https://sub.orders.example/v1",
    "https://xn--rders-5ua.example/v1",
    // Another host, hidden behind the right one.
    "https://orders.example@evil.example/v1",
    "https://orders.example:x@evil.example/v1",
    "https://evil.example/https://orders.example/v1",
    "https://evil.example?https://orders.example/v1",
    "https://evil.example#@orders.example/v1",
    "https://evil.example\\@orders.example/v1",
    "https://evil.example\\.orders.example/v1",
    "https://evil.example%2f@orders.example/v1",
    "//orders.example/v1",
    // Another scheme or port.
    "http://orders.example/v1",
    "https://orders.example:8443/v1",
    "http://orders.example:443/v1",
    "ws://orders.example/v1",
    "ftp://orders.example/v1",
    "http://127.0.0.1:4001/api",
    "http://localhost:4000/api",
    // Credentials of its own.
    "https://me@orders.example/v1",
    "https://me:secret@orders.example/v1",
    "https://:secret@orders.example/v1",
    // Another path.
    "https://orders.example/",
    "https://orders.example/v",
    "https://orders.example/v10",
    "https://orders.example/v1.old/x",
    "https://orders.example/v1%2f17",
    "https://orders.example/V1/17",
    "https://orders.example/v1/../secret",
    "https://orders.example/v1/..",
    "https://orders.example/v1/%2e%2e/secret",
    "https://orders.example/v1/.%2E/secret",
    "https://orders.example/v1\\..\\secret",
    "https://orders.example/v1/.\t./secret",
    "https://orders.example//v1/17",
    "https://orders.example/administrators",
    // No absolute URL.
    "",
    "/v1/17",
    "orders",
    "orders.example/v1",
    "javascript:alert(1)",
    "data:,https://orders.example/v1",
    "blob:https://orders.example/v1",
  ])("%j", (url) => {
    expect(codeOf(() => resourceServerOf(config, url))).toBe(
      "ERR_RESOURCE_NOT_ALLOWED",
    );
  });

  test("and the refusal names its origin, not its path or credentials", () => {
    expect(() =>
      resourceServerOf(config, "https://me:secret@evil.example/hush?token=1"),
    ).toThrow("no resource server is configured for https://evil.example");
  });

  test("whatever it is made of", () => {
    const parts = fc.constantFrom(
      "https://",
      "https:",
      "http://",
      "orders.example",
      "/v1",
      "evil.example",
      ...Array.from("/\\@:?#.%;&="),
      "..",
      "%2e",
      "%2f",
      "%5c",
      "%00",
      "\t",
      "\n",
      "a",
      "443",
      "admin",
      "\uff0f",
      "\u3002",
    );
    const address = fc.oneof(
      fc.string({ unit: parts, maxLength: 15 }),
      fc.string({ unit: parts, maxLength: 10 }).map((rest) => BASE + rest),
    );
    fc.assert(
      fc.property(address, (text) => {
        let found: ReturnType<typeof resourceServerOf>;
        try {
          found = resourceServerOf(config, text);
        } catch (error) {
          expect(error).toBeInstanceOf(LoginKitError);
          return;
        }
        expect(isBelow(found.url.href, found.server.url.href)).toBe(true);
        expect(found.url.href).toBe(new URL(text).href);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("a forwarded request goes", () => {
  test.each([
    ["/", BASE],
    ["/17", `${BASE}/17`],
    ["/17/", `${BASE}/17/`],
    ["/17?page=2&sort=-date", `${BASE}/17?page=2&sort=-date`],
    ["/?page=2", `${BASE}?page=2`],
    ["/caf%C3%A9/a%20b", `${BASE}/caf%C3%A9/a%20b`],
    ["/a,b;c=d:e@f/(g)'h'!*+$&=~_-.", `${BASE}/a,b;c=d:e@f/(g)'h'!*+$&=~_-.`],
    ["/...", `${BASE}/...`],
    ["/..a/b..", `${BASE}/..a/b..`],
    ["/17?next=//evil.example/..", `${BASE}/17?next=//evil.example/..`],
    ["/17?a[]=1&a[]=2", `${BASE}/17?a[]=1&a[]=2`],
    ["/17?q=%2e%2e%2f", `${BASE}/17?q=%2e%2e%2f`],
    ["/https:/evil.example", `${BASE}/https:/evil.example`],
    ["/@evil.example", `${BASE}/@evil.example`],
  ])("with %s to %s", (target, url) => {
    expect(forwardTarget(server("orders"), target).href).toBe(url);
  });

  test("below a base without a path", () => {
    expect(forwardTarget(server("files"), "/").href).toBe(
      "https://files.example/",
    );
    expect(forwardTarget(server("files"), "/a/b").href).toBe(
      "https://files.example/a/b",
    );
  });

  test("below a base with a slash at its end, which is not doubled", () => {
    expect(forwardTarget(server("admin"), "/users").href).toBe(
      "https://orders.example/admin/users",
    );
  });

  test("and the configured base stays as it is", () => {
    forwardTarget(server("orders"), "/17?page=2");
    expect(server("orders").url.href).toBe(BASE);
  });
});

describe("a target is not forwarded", () => {
  test.each([
    // Dot segments, plain and encoded.
    "/..",
    "/.",
    "/../",
    "/../secret",
    "/17/../../secret",
    "/17/..",
    "/./17",
    "/%2e%2e/secret",
    "/%2E%2E/secret",
    "/.%2e/secret",
    "/%2e./secret",
    "/%2e",
    "/17/%2e%2e",
    // Slashes that only somebody else sees.
    "/..%2fsecret",
    "/..%2Fsecret",
    "/17%2f..%2f..%2fsecret",
    "/%2f%2fevil.example",
    "/\\..\\secret",
    "/..\\secret",
    "/..%5csecret",
    "/%5c..%5csecret",
    "/%5C%5Cevil.example",
    // Decoded twice.
    "/%252e%252e/secret",
    "/..%252fsecret",
    "/%25252e",
    "/%25",
    // Empty segments: some servers drop them before they look at the rest.
    "//",
    "//evil.example",
    "//evil.example/..",
    "/17//..//..//secret",
    "///17",
    // What a server or a log would trip over.
    "/%00",
    "/17%00.json",
    "/%0d%0aHost:%20evil.example",
    "/%0A",
    "/%09",
    "/%1f",
    "/%7f",
    "/17\r\nHost: evil.example",
    "/17\n",
    "/\t../secret",
    "/.\t./secret",
    "/17\u0000",
    "/a b",
    // What no request target holds.
    "/17#top",
    "/17?a#b",
    "/<script>",
    '/"',
    "/`",
    "/{a}",
    "/a|b",
    "/a^b",
    "/[::1]",
    "/caf\u00e9",
    "/\uff0e\uff0e/secret",
    "/\u2024\u2024/secret",
    "/\u2215..",
    "/\ud83d\ude00",
    // No path.
    "",
    "17",
    "?page=2",
    "*",
    "..",
    "evil.example",
    "https://evil.example/",
    "@evil.example",
    ":8443/",
    ".evil.example/",
  ])("%j", (target) => {
    expect(codeOf(() => forwardTarget(server("orders"), target))).toBe(
      "ERR_FORWARD_TARGET_INVALID",
    );
  });

  test.each(["orders", "files", "admin", "local"])(
    "out of the base of %s, whatever it is made of",
    (name) => {
      const base = server(name);
      const unit = fc.constantFrom(
        ...Array.from("/\\.;:@?#%&=~[]"),
        "..",
        "%2e",
        "%2F",
        "%5c",
        "%25",
        "%00",
        "\t",
        "\r\n",
        " ",
        "a",
        "v1",
        "evil.example",
        "https:",
        "\uff0f",
        "\uff0e",
      );
      const target = fc.oneof(
        fc.string({ unit, maxLength: 15 }),
        fc.string({ unit, maxLength: 15 }).map((rest) => `/${rest}`),
        fc.webPath(),
      );
      fc.assert(
        fc.property(target, (text) => {
          let url: URL;
          try {
            url = forwardTarget(base, text);
          } catch (error) {
            expect(error).toMatchObject({ code: "ERR_FORWARD_TARGET_INVALID" });
            return;
          }
          expect(isBelow(url.href, base.url.href)).toBe(true);
          // Also for a server that decodes the path once more.
          const decoded = decodeURIComponentLeniently(url.pathname);
          expect(isBelow(url.origin + decoded, base.url.href)).toBe(true);
        }),
        { numRuns: 3000 },
      );
    },
  );
});

function configWith(urls: Record<string, string>): Config {
  return readConfig(
    {
      issuer: "https://op.example",
      clientId: "shop",
      clientSecret: "a client secret",
      baseUrl: "https://shop.example",
      session: { secret: "a session secret of thirty-two characters" },
      resourceServers: Object.fromEntries(
        Object.entries(urls).map(([name, url]) => [name, { url }]),
      ),
    },
    { nodeEnv: "test" },
  );
}

function server(name: string) {
  return resourceServerNamed(config, name);
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof LoginKitError) return error.code;
    throw error;
  }
  return "no error";
}

/** Whether a URL is at or below another; written otherwise than in lib/. */
function isBelow(href: string, base: string): boolean {
  const url = new URL(href);
  const { origin, pathname } = new URL(base);
  const segments = pathname.split("/").filter(Boolean);
  return (
    url.origin === origin &&
    segments.every(
      (segment, index) => url.pathname.split("/")[index + 1] === segment,
    )
  );
}

function decodeURIComponentLeniently(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_match, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}

test.each([
  "/..;/admin",
  "/..%3b/admin",
  "/..%20/admin",
  "/a/..;x=1/b",
  "/.;/a",
  "/%%32%65/a",
  "/100%",
  "/%zz",
])("BFF-21: %s, which other servers read differently, is refused", (target) => {
  const orders = resourceServerNamed(config, "orders");
  expect(codeOf(() => forwardTarget(orders, target))).toBe(
    "ERR_FORWARD_TARGET_INVALID",
  );
});
