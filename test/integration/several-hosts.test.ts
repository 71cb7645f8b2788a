/** One application on two hosts: each has cookies, redirect URIs and a CSRF check of its own. */
import { request } from "node:http";

import { afterEach, describe, expect, test } from "@jest/globals";

import { severalWorld, type SeveralWorld } from "../support/several-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: SeveralWorld;
afterEach(() => w.close());

/** The status of a request with this Host header, whatever it says. */
async function statusFor(
  host: string,
  path: string,
  headers = {},
): Promise<number> {
  const { hostname, port } = new URL(w.urls[0] ?? "");
  return new Promise((resolve, reject) => {
    const asked = request({
      hostname,
      port,
      path,
      headers: { Host: host, ...headers },
    });
    asked.once("error", reject);
    asked.once("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.end();
  });
}

describe("an application on two hosts", () => {
  test("signs in at the host that was asked, and signs out there", async () => {
    w = await severalWorld({ hosts: 2 });
    const [here = "", there = ""] = w.urls;
    const browser = createTestBrowser();
    await w.signIn("staff", browser, here);
    expect(await w.signedInAt(browser, here)).toBe("staff");
    expect(await w.signedInAt(browser, there)).toBeUndefined();
    await w.signIn("customers", browser, there);
    expect(await w.signedInAt(browser, there)).toBe("customers");
    expect(await w.signedInAt(browser, here)).toBe("staff");
    const page = await w.signOut(browser, there);
    expect(page.url).toBe(`${there}/`);
    expect(await w.signedInAt(browser, there)).toBeUndefined();
    expect(await w.signedInAt(browser, here)).toBe("staff");
  });

  test.each([0, 1])(
    "asks for the redirect URI of that host (%d)",
    async (index) => {
      w = await severalWorld({ hosts: 2 });
      const url = w.urls[index] ?? "";
      const answer = await w.begin("staff", createTestBrowser(), url);
      expect(answer.origin + answer.pathname).toBe(`${url}/callback/staff`);
    },
  );

  test("an answer that comes to the other host is refused before any token request", async () => {
    w = await severalWorld({ hosts: 2 });
    const [here = "", there = ""] = w.urls;
    const browser = createTestBrowser();
    const answer = await w.begin("staff", browser, here);
    const cookies = await browser.jar.getCookies(here);
    // An attacker who controls the name of the other host may plant cookies there.
    for (const { key, value } of cookies) {
      await browser.jar.setCookie(`${key}=${value}; Path=/`, there);
    }
    const page = await browser.navigate(
      there + answer.pathname + answer.search,
    );
    expect(page.response.status).toBe(400);
    expect(page.body).toContain("ERR_CALLBACK_MALFORMED");
    expect(w.tokenRequests()).toBe(0);
  });

  test("one of its hosts is another origin for the other's CSRF check", async () => {
    w = await severalWorld({ hosts: 2 });
    const [here = "", there = ""] = w.urls;
    const browser = createTestBrowser({ sendsFetchMetadata: false });
    await w.signIn("staff", browser, here);
    const sent = (origin: string): Promise<Response> =>
      browser.fetchJson(`${here}/logout`, {
        method: "POST",
        headers: { Origin: origin },
      });
    expect((await sent(there)).status).toBe(403);
    expect(await w.signedInAt(browser, here)).toBe("staff");
    expect((await sent(here)).status).toBe(200);
  });

  // Shows: ERR_HOST_UNKNOWN
  test("no other host is answered, whatever a header says", async () => {
    w = await severalWorld({ hosts: 2 });
    const { port } = new URL(w.urls[0] ?? "");
    expect(await statusFor(`localhost:${port}`, "/login?provider=staff")).toBe(
      303,
    );
    for (const host of [
      "evil.example",
      "localhost",
      `localhost.evil.example:${port}`,
      `evil.example:${port}`,
      // A cache in front may take each for evil.example.
      `evil.example@localhost:${port}`,
      `localhost:${port}/evil.example`,
      `localhost:${port}?evil.example`,
      `localhost:${port}#evil.example`,
    ]) {
      expect(await statusFor(host, "/login?provider=staff")).toBe(421);
    }
    const forwarded = { "X-Forwarded-Host": `localhost:${port}` };
    expect(
      await statusFor("evil.example", "/login?provider=staff", forwarded),
    ).toBe(421);
  });

  test("a proxy that Express trusts says which host the browser asked", async () => {
    w = await severalWorld({
      hosts: 2,
      before: (app) => app.set("trust proxy", "loopback"),
    });
    const { port } = new URL(w.urls[0] ?? "");
    const headers = { "X-Forwarded-Host": `localhost:${port}` };
    expect(await statusFor("internal", "/login?provider=staff", headers)).toBe(
      303,
    );
    expect(await statusFor("internal", "/login?provider=staff")).toBe(421);
  });
});
