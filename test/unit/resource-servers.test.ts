/** Tokens go to configured resource servers only: by origin, and by whole path segments. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { LoginKitError } from "../../lib/base/errors.js";
import {
  resourceServerNamed,
  resourceServerOf,
} from "../../lib/resource/resource-servers.js";
import {
  BASE,
  config,
  configWith,
  codeOf,
} from "../support/resource-servers.js";

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

  // Shows: ASVS 1.2.2
  test("ASVS 1.5.3: and is sent in the form in which it was judged", () => {
    const { url } = resourceServerOf(
      config,
      "https://ORDERS.example\\v1\\..\\v1/%C3%A9\t7",
    );
    expect(url.href).toBe("https://orders.example/v1/%C3%A97");
  });

  test("also with letters beyond ASCII, and the ten thousandth time", () => {
    const books = configWith({ books: "https://bücher.example" });
    const names = Array.from(
      { length: 10_000 },
      () => resourceServerOf(books, "https://bücher.example/1").server.name,
    );
    expect(new Set(names)).toEqual(new Set(["books"]));
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

describe("of resource servers below each other", () => {
  const urls = {
    api: "https://api.example",
    admin: "https://api.example/admin",
    keys: "https://api.example/admin/keys/",
  };
  const orders = [
    configWith(urls),
    configWith(Object.fromEntries(Object.entries(urls).reverse())),
  ];

  test.each([
    ["/", "api"],
    ["/administrators", "api"],
    ["/users/admin", "api"],
    ["/admin", "admin"],
    ["/admin/", "admin"],
    ["/admin/users", "admin"],
    ["/admin/keys", "keys"],
    ["/admin/keys/17?x=1", "keys"],
  ])("the longest path wins in any order of the options: %s", (path, name) => {
    for (const nested of orders) {
      const { server } = resourceServerOf(nested, `https://api.example${path}`);
      expect(server.name).toBe(name);
    }
  });

  test.each(["/Admin/users", "/ADMIN", "/admin/KEYS/17", "/admin;v=1/users"])(
    "%s, which some servers read as another's, gets no token",
    (path) => {
      for (const nested of orders) {
        expect(
          codeOf(() => resourceServerOf(nested, `https://api.example${path}`)),
        ).toBe("ERR_RESOURCE_NOT_ALLOWED");
      }
    },
  );

  test("the same path in another encoding is the same", () => {
    const nested = configWith({
      all: "https://api.example",
      mails: "https://api.example/me@shop/%C3%A9",
    });
    const { server } = resourceServerOf(
      nested,
      "https://api.example/me%40shop/%c3%a9/17",
    );
    expect(server.name).toBe("mails");
  });
});

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
