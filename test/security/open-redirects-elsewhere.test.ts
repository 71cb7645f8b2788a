/** Nothing that a request says changes where a logout leads, or to which page a guard's login comes back. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { rawExchange, type RawAnswer } from "../support/raw-exchange.js";
import { filled, sent, staysAt } from "../support/redirects.js";
import { providerAddressIn } from "../support/sign-out.js";
import { createTestBrowser } from "../support/test-browser.js";
import { type RedirectPayload, redirectPayloads } from "./redirect-corpus.js";

/** Whatever frameworks call the page after a logout, and what the specification sends there. */
const NAMES =
  "return_to returnTo post_logout_redirect_uri redirect_uri target_link_uri next url continue state id_token_hint logout_hint ui_locales".split(
    " ",
  );

const kinds = [...new Set(redirectPayloads.map(({ kind }) => kind))];
const ofKind = (kind: string): readonly RedirectPayload[] =>
  redirectPayloads.filter((payload) => payload.kind === kind);

let w: LyingWorld;
beforeAll(async () => {
  w = await lyingWorld({
    routes(app, kit) {
      app.use(kit.requireAuth(), (_req, res) => {
        res.send("behind the guard");
      });
    },
  });
});
afterAll(() => w.close());

describe("BCP-01, OA-21, ASVS 3.7.2: the addresses of a logout, under every name", () => {
  test.each(kinds)("%s: without a login", async (kind) => {
    const browser = createTestBrowser();
    const initiator = `${w.url}/`;
    for (const payload of ofKind(kind)) {
      const query = everywhere(sent(payload, w.url));
      const body = new URLSearchParams(query);
      const post = { method: "POST", initiator, body };
      for (const answer of [
        await browser.request(`${w.url}/logged-out?${query}`),
        await browser.request(`${w.url}/logout?${query}`),
        await browser.request(`${w.url}/logout?${query}`, post),
      ]) {
        expect(answer.status).toBe(303);
        expect(answer.headers.get("location")).toBe("/");
      }
    }
  });

  test.each(kinds)("%s: at the end of a login", async (kind) => {
    const browser = createTestBrowser();
    const initiator = `${w.url}/`;
    // A login for each of them would take minutes.
    for (const payload of ofKind(kind).slice(0, 2)) {
      const query = everywhere(sent(payload, w.url));
      const body = new URLSearchParams(query);
      await w.signIn("alice", browser);
      const question = await browser.navigate(`${w.url}/logout?${query}`, {
        initiator,
      });
      expect(question.response.status).toBe(200);
      expect(question.body).toContain('<a href="/">');
      expect(question.body).not.toContain("evil");
      const answer = await browser.request(`${w.url}/logout?${query}`, {
        method: "POST",
        initiator,
        body,
      });
      expectEndSession(providerAddressIn(answer).href);
    }
  });

  test("by a fetch", async () => {
    const browser = await w.signIn("alice");
    const answer = await browser.fetchJson(
      `${w.url}/logout?${everywhere(encodeURIComponent("//evil.example"))}`,
      { method: "POST" },
    );
    const { location } = (await answer.json()) as { location: string };
    expectEndSession(location);
  });

  function expectEndSession(location: string): void {
    const { origin, pathname, searchParams } = new URL(location);
    expect(origin + pathname).toBe(`${w.provider.url}/end-session`);
    expect(searchParams.getAll("post_logout_redirect_uri")).toEqual([
      `${w.url}/logged-out`,
    ]);
    // These two are ours and random: they may spell anything.
    const { idTokens } = w.provider;
    expect(idTokens.has(searchParams.get("id_token_hint") ?? "")).toBe(true);
    expect(searchParams.getAll("state")).toEqual([
      expect.stringMatching(/^[\w-]{43}$/),
    ]);
    const told = new URL(location);
    told.searchParams.delete("id_token_hint");
    told.searchParams.delete("state");
    expect(told.href).not.toContain("evil");
  }

  /** The value under every name, as far as an address may be long. */
  function everywhere(value: string): string {
    const count = Math.max(1, Math.floor(8_000 / (value.length + 30)));
    return NAMES.slice(0, count)
      .map((name) => `${name}=${value}`)
      .join("&");
  }
});

describe("BCP-01, OA-15: what proxies may say of the host", () => {
  test.each([
    ["GET", "/logout"],
    ["POST", "/logout"],
    ["GET", "/logged-out"],
    ["GET", "/login"],
    ["GET", "/guarded"],
  ])("%s %s: is not used", async (method, path) => {
    const answer = await rawExchange(
      w.url,
      [
        `${method} ${path} HTTP/1.1`,
        "Host: evil.example",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Prefix: //evil.example",
        "Forwarded: host=evil.example;proto=https",
        "X-Original-URL: //evil.example",
        "X-Rewrite-URL: //evil.example",
        "Sec-Fetch-Site: same-origin",
        "Sec-Fetch-Mode: navigate",
        "Connection: close\r\n\r\n",
      ].join("\r\n"),
    );
    expect(answer.statuses).toEqual([303]);
    expect(answer.text).not.toContain("evil");
  });
});

describe("BCP-01, OA-21, ASVS 3.7.2: the login that a guard sends a browser to", () => {
  test.each(kinds)("%s: comes back to the application", async (kind) => {
    const odd: unknown[] = [];
    for (const { value } of ofKind(kind).filter(fitsRequestLine)) {
      const path = Buffer.from(filled(value, w.url)).toString("latin1");
      for (const [what, answer] of [
        ["address", await ask(path, "Sec-Fetch-Mode: navigate")],
        ["referer", await ask("/guarded", `Referer: ${path}`)],
        ["below", await ask("/guarded", `Referer: ${w.url}/${path}`)],
      ] as const) {
        const wayBack = wayBackOf(answer);
        if (wayBack !== undefined && !staysAt(wayBack, `${w.url}/callback`)) {
          odd.push([what, value, wayBack]);
        }
      }
    }
    expect(odd).toEqual([]);
  });

  test("comes back to right pages", async () => {
    const page = await ask("/a?b=c", "Sec-Fetch-Mode: navigate");
    expect(wayBackOf(page)).toBe("/a?b=c");
    const call = await ask("/guarded", `Referer: ${w.url}/a?b=c`);
    expect(wayBackOf(call)).toBe("/a?b=c");
  });

  function fitsRequestLine({ value }: RedirectPayload): boolean {
    // eslint-disable-next-line no-control-regex
    return !/[\x00-\x20\x7f]/.test(value);
  }

  function ask(path: string, line: string): Promise<RawAnswer> {
    return rawExchange(
      w.url,
      `GET ${path} HTTP/1.1\r\nHost: any\r\n${line}\r\nConnection: close\r\n\r\n`,
    );
  }

  /** Where the login comes back to, by a redirect to it or by problem+json. */
  function wayBackOf({ text }: RawAnswer): string | undefined {
    const login =
      /^Location: (?<url>.*)\r$/im.exec(text)?.groups?.["url"] ??
      /"login_url":"(?<url>[^"]*)"/.exec(text)?.groups?.["url"];
    if (login?.startsWith("/login") !== true) return login;
    return new URL(login, w.url).searchParams.get("return_to") ?? undefined;
  }
});
