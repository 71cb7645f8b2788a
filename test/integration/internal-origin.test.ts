/** The option `internalOrigin`: the application's own way to a provider whose public address it cannot reach. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";

import { ClientSecretJwt, loginOf } from "../../lib/index.js";
import type { ReceivedRequest } from "../../lib/testing/provider/received-requests.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import type { Json, LyingProvider } from "../support/lying-provider.js";
import {
  lyingWorld,
  type LyingWorld,
  type LyingWorldOptions,
} from "../support/lying-world.js";
import {
  pressLogout,
  providerAddressIn,
  signOutAndComeBack,
} from "../support/sign-out.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";
import { CLIENT_SECRET } from "../support/world.js";

/** No name server knows it (RFC 6761 6.2): this process reaches nothing there. */
const PUBLIC = "https://sso.example.test";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  releaseClock();
  for (const end of ends.splice(0)) await end();
});

const inside = (provider: LyingProvider): { internalOrigin: string } => ({
  internalOrigin: provider.url,
});

async function start(options: LyingWorldOptions = {}): Promise<LyingWorld> {
  const w = await lyingWorld({
    provider: { issuer: PUBLIC },
    kit: inside,
    routes(app, kit) {
      app.get("/claims", kit.requireAuth(), async (req, res) => {
        res.json(await loginOf(req).userInfo());
      });
    },
    ...options,
  });
  ends.push(w.close);
  return w;
}

/** A browser outside, for which the public address leads to the provider. */
const outside = ({ provider }: LyingWorld): TestBrowser =>
  createTestBrowser({
    servedAt: (url) =>
      url.origin === PUBLIC
        ? new URL(url.pathname + url.search, provider.url)
        : url,
  });

const signInPage = async (w: LyingWorld): Promise<string> =>
  (await outside(w).navigate(`${w.url}/login`)).body;

test("without it the provider is not reached at all", async () => {
  const w = await start({ kit: {} });
  expect(await signInPage(w)).toContain("ERR_PROVIDER_UNAVAILABLE");
  expect(w.provider.requests).toEqual([]);
});

test("a user signs in, is refreshed and signs out, each by the way that is open", async () => {
  takeClock();
  const w = await start({
    kit: (provider) => ({
      ...inside(provider),
      scope: "openid profile offline_access",
      session: { idleTimeoutSeconds: 7200 } as never,
    }),
  });
  const browser = await w.signIn("alice", outside(w));
  passSeconds(3600 / 2);
  expect((await browser.fetchJson(`${w.url}/claims`)).status).toBe(200);
  const answer = await signOutAndComeBack(browser, w.url);
  await until("both tokens are revoked", () => w.provider.revoked.length === 2);

  expect(providerAddressIn(answer).href).toMatch(`${PUBLIC}/end-session?`);
  expect([...new Set(w.provider.requests)].sort()).toEqual([
    "GET /.well-known/openid-configuration",
    "GET /authorize",
    "GET /jwks",
    "GET /userinfo",
    "POST /revoke",
    "POST /token",
  ]);
});

test("where browsers are sent is public", async () => {
  const w = await start();
  const login = await createTestBrowser().request(`${w.url}/login`);
  expect(login.headers.get("location")).toMatch(`${PUBLIC}/authorize?`);
  const browser = await w.signIn("alice", outside(w));
  const logout = await pressLogout(browser, w.url);
  expect(providerAddressIn(logout).href).toMatch(`${PUBLIC}/end-session?`);
});

test("endSessionUrl may be http on loopback although the issuer is https", async () => {
  const endSessionUrl = "http://localhost:8080/logout";
  const w = await start({
    kit: (provider) => ({ ...inside(provider), endSessionUrl }),
  });
  const browser = await w.signIn("alice", outside(w));
  const logout = await pressLogout(browser, w.url);
  expect(providerAddressIn(logout).href).toMatch(`${endSessionUrl}?`);
});

test("RFC 9126: a request is pushed inside, and the browser takes the reference outside", async () => {
  const w = await start();
  w.provider.misbehave = {
    metadata: (right) => ({
      ...right,
      pushed_authorization_request_endpoint: `${PUBLIC}/par`,
    }),
    intercept(req, res, next) {
      if (req.path !== "/par") next();
      else res.status(201).json({ request_uri: "urn:pushed", expires_in: 60 });
    },
  };
  const { headers } = await createTestBrowser().request(`${w.url}/login`);
  expect(w.provider.requests).toContain("POST /par");
  const location = headers.get("location") ?? "";
  expect(location).toMatch(`${PUBLIC}/authorize?`);
  expect(new URL(location).searchParams.get("request_uri")).toBe("urn:pushed");
});

test("the Host header is that of the internal origin", async () => {
  const w = await start();
  await w.signIn("alice", outside(w));
  const asked = w.provider.received.filter(({ path }) => path !== "/authorize");
  expect(new Set(asked.map(({ headers }) => headers.host))).toEqual(
    new Set([new URL(w.provider.url).host]),
  );
});

test("the application's own fetch gets the address that is really asked", async () => {
  const asked: string[] = [];
  const w = await start({
    kit: (provider) => ({
      ...inside(provider),
      fetch: (url, request) => {
        asked.push(new URL(url).origin);
        return fetch(url, request);
      },
    }),
  });
  await w.signIn("alice", outside(w));
  expect(new Set(asked)).toEqual(new Set([w.provider.url]));
});

test("a client assertion keeps the issuer as its audience", async () => {
  const w = await start({
    kit: (provider) => ({
      ...inside(provider),
      clientAuth: ClientSecretJwt(CLIENT_SECRET),
    }),
  });
  await outside(w).navigate(`${w.url}/login`);
  const sent = w.provider.received.find(({ path }) => path === "/token");
  const { aud } = decodeJwt(sent?.form.get("client_assertion") ?? "");
  expect([aud].flat()).toContain(PUBLIC);
});

test("metadata at another origin than the issuer's is asked for there", async () => {
  const w = await start({
    kit: (provider) => ({
      ...inside(provider),
      metadataUrl: `${provider.url.replace("127.0.0.1", "localhost")}/.well-known/openid-configuration`,
    }),
  });
  await w.signIn("alice", outside(w));
  const [{ path, headers }] = w.provider.received as [ReceivedRequest];
  expect(path).toBe("/.well-known/openid-configuration");
  expect(headers.host).toMatch(/^localhost:/);
});

describe("metadata with addresses of the internal origin", () => {
  async function startWith(
    change: (right: Json, provider: LyingProvider) => Json,
  ): Promise<LyingWorld> {
    const w = await start();
    w.provider.misbehave = {
      metadata: (right) => ({ ...right, ...change(right, w.provider) }),
    };
    return w;
  }

  test("is good where only the application goes there", async () => {
    const w = await startWith((_right, { url }) => ({
      token_endpoint: `${url}/token`,
      jwks_uri: `${url}/jwks`,
      userinfo_endpoint: `${url}/userinfo`,
      revocation_endpoint: `${url}/revoke`,
    }));
    const browser = await w.signIn("alice", outside(w));
    expect((await browser.fetchJson(`${w.url}/claims`)).status).toBe(200);
  });

  test.each([
    "authorization_endpoint",
    "end_session_endpoint",
    "check_session_iframe",
  ])("is refused where browsers would be sent there: %s", async (name) => {
    const w = await startWith((_right, { url }) => ({ [name]: `${url}/page` }));
    const page = await signInPage(w);
    expect(page).toContain("ERR_DISCOVERY_INVALID");
    expect(page).toContain(
      `${name} is at the option internalOrigin, where no browser comes`,
    );
  });

  test("is refused where it is http at a third place", async () => {
    const w = await startWith(() => ({
      token_endpoint: "http://a.test/token",
    }));
    expect(await signInPage(w)).toContain("token_endpoint is not an https URL");
  });
});

test("a failure names the address that was really asked", async () => {
  const w = await start();
  w.provider.misbehave = {
    intercept: (_req, res) => {
      res.status(404).json({});
    },
  };
  expect(await signInPage(w)).toContain(
    `no metadata from ${w.provider.url}/.well-known/openid-configuration`,
  );
});
