/** Short secrets are hidden too, by where they stand. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { createFields } from "../../lib/inspector/fields.js";
import { createHide, scrubbed } from "../../lib/inspector/hide.js";
import { mermaidOf } from "../../lib/inspector/mermaid.js";
import type { Run } from "../../lib/inspector/model.js";
import {
  INSPECTOR,
  type InspectedWorld,
  inspectedWorld,
} from "../support/inspected-world.js";
import type { TestBrowser } from "../support/test-browser.js";

let w: InspectedWorld;
let browser: TestBrowser;

beforeAll(async () => {
  w = await inspectedWorld();
  browser = await w.viewer();
});
afterAll(async () => {
  w.provider.misbehave = {};
  await w.close();
});

const fields = createFields(createHide());
const jwt = (claims: object): string =>
  ["e30", JSON.stringify(claims), ""]
    .map((part, index) =>
      index === 0
        ? Buffer.from('{"alg":"none"}').toString("base64url")
        : Buffer.from(part).toString("base64url"),
    )
    .join(".");

describe("no short secret is shown", () => {
  test.each([
    ["in a page to come back to", "/login?return_to=/reset%3Ft%3Dsh0rt"],
    ["in its fragment", "/login?return_to=/reset%23sh0rt"],
    ["as a query without names", "/login?sh0rt"],
    [
      "of an application's parameter",
      "/login?t=sh0rt&t=sh0rt2&__proto__=sh0rt",
    ],
  ])("%s", async (_where, path) => {
    await browser.request(w.url + path);
    const answer = await browser.fetchJson(`${w.url}${INSPECTOR}/runs`);
    expect(await answer.text()).not.toContain("sh0rt");
  });

  test("in a Location that is no URL", () => {
    const shown = fields.ofHeaders([["location", "http://[x/?t=sh0rt"]]);
    expect(JSON.stringify(shown)).not.toContain("sh0rt");
  });

  test("in members of UserInfo, of an answer and of an ID Token", () => {
    const claims = {
      refreshToken: "sh0rt",
      identities: [{ access_token: "sh0rt", password: "sh0rt", name: "A" }],
      ["__proto__"]: { client_secret: "sh0rt" },
      name: "Alice",
    };
    const body = JSON.stringify(claims);
    const shown = JSON.stringify([
      fields.ofJson(body, true),
      fields.ofJson(`[${body}]`, false),
      fields.decoded("ID Token", jwt(claims)),
    ]);
    expect(shown).not.toContain("sh0rt");
    expect(shown).toContain("Alice");
    expect(
      fields.ofJson('{"token_endpoint":"https://a.example"}', true),
    ).toEqual([expect.objectContaining({ value: "https://a.example" })]);
  });

  test("that a resource server repeats from the request", async () => {
    await w.signIn("alice", browser);
    w.orders.answer = ({ token = "" }, res) => {
      const piece = token.slice(-14);
      res.setHeader("WWW-Authenticate", `Bearer error="${piece}"`);
      res.writeHead(401).end();
    };
    await browser.fetchJson(`${w.url}/api/orders`);
    const token = w.orders.requests.at(-1)?.token ?? "";
    expect(token.length).toBeGreaterThan(20);
    const answer = await browser.fetchJson(`${w.url}${INSPECTOR}/runs`);
    const text = await answer.text();
    expect(text).toContain("Bearer error=");
    expect(text).not.toContain(token.slice(-14));
  });
});

test.each([
  ["letters alone", "qWxhZGRpbjpvcGVuIHNlc2FtZQ".replace(/\d/g, "X")],
  ["digits alone", "108234567890123456789"],
  ["base64 with its signs", "aB+cD=eF+gH=iJ1kL+mN=oP"],
])("a long random text of %s is cut", (_what, text) => {
  expect(scrubbed(`before ${text} after`)).toBe("before [cut] after");
});

test("names are not taken for random texts, and long texts take no time", () => {
  const name = "OAuthAuthorizationServerException";
  const type = "application/x-www-form-urlencoded";
  expect(scrubbed(name)).toBe(name);
  expect(scrubbed(type)).toBe(type);
  expect(scrubbed("a".repeat(1_000_000))).toHaveLength(2000);
});

test("a Mermaid diagram takes no directive, tag or line from a message", () => {
  const text = mermaidOf({
    title: "x %%{init: {'theme':'dark'}}%%\u2028participant evil",
    names: { app: "<img src=x>" },
    items: [],
  } as unknown as Run);
  expect(text).not.toMatch(/%%|[{}<]|\u2028/);
});
