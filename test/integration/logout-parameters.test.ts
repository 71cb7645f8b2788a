/** The options `endSessionUrl` and `logoutParameters`: a provider whose logout is of another kind. */
import { afterEach, describe, expect, jest, test } from "@jest/globals";

import type { LoginKitOptions, ProviderLogout } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { formsIn } from "../support/html-forms.js";
import type { LyingProvider, Misbehaviour } from "../support/lying-provider.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { pressLogout, providerAddressIn } from "../support/sign-out.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { CLIENT_ID } from "../support/world.js";

let w: LyingWorld;
let browser: TestBrowser;
afterEach(async () => {
  jest.useRealTimers();
  releaseClock();
  await w.close();
});

/** How long the kit waits for a browser that is at the provider. */
const AWAY_MS = 30_000;

type Kit = Partial<LoginKitOptions>;

/** Alice is signed in. */
async function start(
  kit: Kit | ((provider: LyingProvider) => Kit),
  misbehave: Misbehaviour = {},
): Promise<void> {
  w = await lyingWorld({ kit });
  w.provider.misbehave = misbehave;
  browser = await w.signIn("alice");
}

/** Where the button leads. */
async function sentTo(): Promise<URL> {
  const answer = await pressLogout(browser, w.url);
  return answer.status === 200
    ? providerAddressIn(answer)
    : new URL(answer.headers.get("location") ?? "", w.url);
}

const parametersOf = ({ searchParams }: URL): object =>
  Object.fromEntries(searchParams);

/** Cognito: `logout_uri` and `client_id`, and nothing else. */
const cognito = ({ url }: LyingProvider): Kit => ({
  endSessionUrl: `${url}/logout`,
  logoutParameters: ({ postLogoutRedirectUri }) => ({
    logout_uri: postLogoutRedirectUri,
    id_token_hint: undefined,
    post_logout_redirect_uri: undefined,
    state: undefined,
  }),
});

describe("a logout", () => {
  test("as Cognito's: client_id and logout_uri, and nothing else", async () => {
    await start(cognito);
    const location = await sentTo();
    expect(location.origin + location.pathname).toBe(
      `${w.provider.url}/logout`,
    );
    expect(parametersOf(location)).toEqual({
      client_id: CLIENT_ID,
      logout_uri: `${w.url}/logged-out`,
    });
    expect(await w.statusFor(browser)).toBe(401);
  });

  test("as Auth0's old one: client_id and returnTo, by fixed parameters", async () => {
    await start(({ url }) => ({
      endSessionUrl: `${url}/v2/logout`,
      logoutParameters: {
        returnTo: "https://shop.example/bye",
        id_token_hint: undefined,
        post_logout_redirect_uri: undefined,
        state: undefined,
      },
    }));
    const location = await sentTo();
    expect(location.pathname).toBe("/v2/logout");
    expect(parametersOf(location)).toEqual({
      client_id: CLIENT_ID,
      returnTo: "https://shop.example/bye",
    });
  });

  test("as Entra's: logout_hint from a claim, beside the standard parameters", async () => {
    await start(
      {
        logoutParameters: ({ claims }) => ({
          logout_hint: claims?.["login_hint"] as string,
        }),
      },
      { idToken: { claims: { login_hint: "O.alice" } } },
    );
    const location = await sentTo();
    expect(location.pathname).toBe("/end-session");
    expect(parametersOf(location)).toEqual({
      client_id: CLIENT_ID,
      id_token_hint: expect.any(String),
      logout_hint: "O.alice",
      post_logout_redirect_uri: `${w.url}/logged-out`,
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  test("where the metadata has none: at endSessionUrl", async () => {
    await start(cognito, {
      metadata: ({ end_session_endpoint: _removed, ...right }) => right,
    });
    expect((await sentTo()).pathname).toBe("/logout");
  });

  test("whose address in the metadata is unusable: at endSessionUrl", async () => {
    await start(cognito, {
      metadata: (right) => ({
        ...right,
        end_session_endpoint: "http://a.test",
      }),
    });
    expect((await sentTo()).pathname).toBe("/logout");
  });

  test("with a query in endSessionUrl: it stays, and nothing comes beside it", async () => {
    await start(({ url }) => ({
      endSessionUrl: `${url}/logout?tenant=a%20b&client_id=other`,
    }));
    const { searchParams } = await sentTo();
    expect(searchParams.getAll("tenant")).toEqual(["a b"]);
    expect(searchParams.getAll("client_id")).toEqual(["other"]);
    expect(searchParams.has("id_token_hint")).toBe(true);
  });

  test("asked for by a fetch: the address has the same parameters", async () => {
    await start(cognito);
    const answer = await browser.fetchJson(`${w.url}/logout`, {
      method: "POST",
    });
    const { location } = (await answer.json()) as { location: string };
    expect(parametersOf(new URL(location))).toEqual({
      client_id: CLIENT_ID,
      logout_uri: `${w.url}/logged-out`,
    });
  });

  test("too long for an address: the form has the same parameters", async () => {
    const hint = "h".repeat(4000);
    await start({
      logoutParameters: { logout_hint: hint, id_token_hint: undefined },
    });
    const page = await browser.navigate(`${w.url}/logout`, {
      method: "POST",
      initiator: w.url,
    });
    const [form] = formsIn(page.body);
    expect(form?.action).toBe(`${w.provider.url}/end-session`);
    expect(Object.fromEntries(form?.fields ?? [])).toEqual({
      client_id: CLIENT_ID,
      logout_hint: hint,
      post_logout_redirect_uri: `${w.url}/logged-out`,
      state: expect.any(String),
    });
  });
});

test("the front-channel page may be framed from the origin of endSessionUrl", async () => {
  await start({ endSessionUrl: "https://out.example/logout" });
  const query = new URLSearchParams({ iss: w.provider.issuer, sid: "unknown" });
  const { headers } = await browser.request(
    `${w.url}/frontchannel-logout?${query.toString()}`,
  );
  expect(headers.get("content-security-policy")).toMatch(
    `frame-ancestors ${w.provider.issuer} https://out.example`,
  );
});

describe("the function", () => {
  test("gets the claims of the login that ends, and never its ID Token", async () => {
    const calls: ProviderLogout[] = [];
    await start({
      logoutParameters(logout) {
        calls.push(logout);
        return {};
      },
    });
    const { searchParams } = await sentTo();
    expect(calls).toEqual([
      {
        clientId: CLIENT_ID,
        postLogoutRedirectUri: `${w.url}/logged-out`,
        state: searchParams.get("state"),
        claims: {
          auth_time: expect.any(Number),
          iss: w.provider.issuer,
          sub: "alice",
        },
      },
    ]);
  });

  test("gets no claims where the login had run out", async () => {
    takeClock();
    const claims: unknown[] = [];
    await start({
      logoutParameters(logout) {
        claims.push(logout.claims);
        return {};
      },
    });
    passSeconds(31 * 60);
    expect((await sentTo()).pathname).toBe("/end-session");
    expect(claims).toEqual([undefined]);
  });

  // Shows: ERR_LOGOUT_PARAMETERS_INVALID
  test.each<[string, () => unknown]>([
    [
      "failed: no hint?for alice",
      () => {
        throw new Error("no hint\nfor alice");
      },
    ],
    ["returned a promise", () => Promise.reject(new Error("too late"))],
    ["returned no plain object", () => [["a", "b"]]],
    ["returned no plain object", () => new URLSearchParams("a=b")],
    ["returned no plain object", () => undefined],
    ["returned logout_hint, which is no text", () => ({ logout_hint: 1 })],
  ])(
    "that %s is told, and the user is signed out here",
    async (told, choose) => {
      await start({ logoutParameters: choose as never });
      const errors: Error[] = [];
      w.kit.events.on("error", (error) => errors.push(error));
      expect((await sentTo()).pathname).toBe("/");
      expect(await w.statusFor(browser)).toBe(401);
      expect(errors).toMatchObject([
        {
          code: "ERR_LOGOUT_PARAMETERS_INVALID",
          message: expect.stringContaining(
            `the function logoutParameters ${told}`,
          ),
        },
      ]);
      // Nobody comes back, so nothing waits.
      expect(w.provider.revoked).toHaveLength(2);
    },
  );
});

test("RV-02: without a state the tokens are revoked half a minute later", async () => {
  await start(cognito);
  jest.useFakeTimers({
    doNotFake: [
      "Date",
      "nextTick",
      "setImmediate",
      "performance",
      "queueMicrotask",
      "hrtime",
      "clearImmediate",
    ],
  });
  await sentTo();
  const landing = await browser.request(`${w.url}/logged-out`);
  expect(landing.headers.get("location")).toBe("/");
  jest.advanceTimersByTime(AWAY_MS - 1);
  for (let round = 0; round < 10; round++) {
    await fetch(`${w.provider.url}/jwks`);
  }
  expect(w.provider.revoked).toEqual([]);
  jest.advanceTimersByTime(1);
  jest.useRealTimers();
  await until("both are revoked", () => w.provider.revoked.length === 2);
});
