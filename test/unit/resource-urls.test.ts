/** The option `url` of a resource server says one thing to everybody who reads it. */
import { describe, expect, test } from "@jest/globals";

import { readConfig } from "../../lib/config/config.js";
import { ConfigError } from "../../lib/base/errors.js";
import type { ResourceServerOptions } from "../../lib/config/options.js";

function problemsOf(
  resourceServers: Readonly<Record<string, ResourceServerOptions>>,
): readonly string[] {
  try {
    readConfig(
      {
        issuer: "https://op.example",
        clientId: "shop",
        clientSecret: "a client secret",
        baseUrl: "https://shop.example",
        session: { secret: "a session secret of thirty-two characters" },
        resourceServers,
      },
      { nodeEnv: "test" },
    );
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test.each([
  "https://orders.example",
  "https://orders.example/",
  "https://orders.example:8443/v1/",
  "HTTPS://Orders.Example:443/v1",
  "https://my_api/v1",
  "https://10.0.0.7/v1",
  "https://[2001:db8::7]:8443/v1",
  "https://b\u00fccher.example/v1",
  "https://xn--bcher-kva.example/v1",
  "https://orders.example/caf%C3%A9",
  "http://127.0.0.1:4000/v1",
])("%s is one", (url) => {
  expect(problemsOf({ orders: { url } })).toEqual([]);
});

describe("no host that can be reached:", () => {
  test.each([
    "https://*.example",
    "https://*",
    "https://orders.*.example",
    "https://{tenant}.example",
    "https://${API_HOST}/v1",
    "https://$API_HOST/v1",
    "https://orders.example,other.example",
    "https://orders.example.",
    "https://.orders.example",
    "https://orders..example",
    "https://-orders.example",
    "https://orders-.example",
    "https://(orders).example",
    "https://0.0.0.0/v1",
    "https://0/v1",
    "https://[::]/v1",
    "https://[::ffff:0.0.0.0]/v1",
    "https://orders.example:0",
    `https://${"a".repeat(64)}.example`,
  ])("%s", (url) => {
    expect(problemsOf({ orders: { url } })).toEqual([
      expect.stringMatching(
        /^resourceServers\.orders\.url: .* is no host that can be reached/,
      ),
    ]);
  });
});

describe("not written as it is sent:", () => {
  test.each([
    "https://orders.example/v1/../v2",
    "https://orders.example/./v1",
    "https://orders.example/%2e%2e/v1",
    "https://orders.example\\v1",
    "https:\\\\orders.example/v1",
    "https:orders.example/v1",
    "https:/orders.example/v1",
    "https:///orders.example/v1",
    " https://orders.example/v1",
    "https://orders.example/v1\n",
    "https://orders.\nexample/v1",
    "https://orders.example/v 1",
    "https://orders.example/caf\u00e9",
    "https://orders.example/{tenant}",
    "https://@orders.example/v1",
  ])("%j", (url) => {
    expect(problemsOf({ orders: { url } })).toContainEqual(
      expect.stringMatching(
        /^resourceServers\.orders\.url: must be written as it is sent: https:/,
      ),
    );
  });
});

test.each([
  "https://orders.example/v1?",
  "https://orders.example/v1?x=1",
  "https://orders.example/v1#",
  "https://me@orders.example/v1",
])("%s: no query, fragment or user name, not even an empty one", (url) => {
  expect(problemsOf({ orders: { url } })).toEqual([
    "resourceServers.orders.url: must have no query, fragment or user name",
  ]);
});

test.each([
  "https://orders.example//v1",
  "https://orders.example/v1//",
  "https://orders.example/%761",
  "https://orders.example/v1;x",
  "https://orders.example/a%2Fb",
  "https://orders.example/a%5Cb",
  "https://orders.example/v1.",
  "https://orders.example/%EF%BD%96",
  "https://orders.example/100%",
])("%s: a path that servers read differently", (url) => {
  expect(problemsOf({ orders: { url } })).toEqual([
    expect.stringMatching(
      /^resourceServers\.orders\.url: its path must not hold /,
    ),
  ]);
});

test("the server's own options allow semicolons and encoded slashes there too", () => {
  expect(
    problemsOf({
      matrix: { url: "https://a.example/v1;x", allowSemicolonsInPaths: true },
      tree: {
        url: "https://b.example/a%2Fb",
        allowEncodedSlashesInPaths: true,
      },
    }),
  ).toEqual([]);
});

describe("two servers cannot have the same URL:", () => {
  test.each([
    ["https://api.example/v1", "https://api.example/v1"],
    ["https://api.example/v1", "https://api.example/v1/"],
    ["https://api.example", "https://API.example:443/"],
    ["https://api.example/v1", "https://api.example/V1"],
    ["https://api.example/me@shop", "https://api.example/me%40shop"],
    ["https://api.example/%C3%A9", "https://api.example/%c3%a9"],
    ["http://127.0.0.1:4000/v1", "http://127.1:4000/v1"],
  ])("%s and %s", (one, two) => {
    const problems = problemsOf({
      one: { url: one, resource: "urn:one" },
      two: { url: two, resource: "urn:two" },
    });
    expect(problems).toEqual([
      expect.stringMatching(
        /^resourceServers\.one\.url: is that of resourceServers\.two too/,
      ),
      expect.stringMatching(
        /^resourceServers\.two\.url: is that of resourceServers\.one too/,
      ),
    ]);
  });

  test.each([
    ["https://api.example/v1", "https://api.example/v1/admin"],
    ["https://api.example/v1", "https://api.example/v10"],
    ["https://api.example/v1", "https://api.example:8443/v1"],
    ["https://api.example/v1", "https://other.example/v1"],
  ])("but %s and %s are two", (one, two) => {
    expect(problemsOf({ one: { url: one }, two: { url: two } })).toEqual([]);
  });
});
