/** Logins whose tokens are bound to a key of their own (DPoP, RFC 9449), from the sign-in to the resource server. */
import { randomBytes } from "node:crypto";

import { afterAll, afterEach, expect, test } from "@jest/globals";
import { decodeJwt, decodeProtectedHeader } from "jose";

import type { AccessTokenOptions } from "../../demo-app/access-token.js";
import { loginOf } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  closeRedis,
  world,
  type World,
  type WorldOptions,
} from "../support/world.js";

afterAll(closeRedis);

let parties: World | undefined;
afterEach(async () => {
  releaseClock();
  await parties?.close();
});

/** Headers of requests as they arrived, oldest first. */
interface Seen {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly dpop: string | undefined;
  readonly authorization: string | undefined;
  readonly method: string;
}

/** A world whose provider offers DPoP, and whose orders API checks proofs. */
async function bound(
  options: WorldOptions & {
    readonly nonces?: boolean;
    readonly api?: Partial<AccessTokenOptions>;
    /** The one that proofs may be signed with. Default: those of the provider. */
    readonly algorithm?: "ES256" | "Ed25519" | "EdDSA" | "PS256";
  } = {},
): Promise<World & { readonly seen: Seen[] }> {
  const { nonces = false, api = {}, algorithm } = options;
  const built = await world({
    ...options,
    provider: {
      features: {
        pushedAuthorizationRequests: { enabled: true },
        dPoP: {
          enabled: true,
          ...(nonces && {
            nonceSecret: randomBytes(32),
            requireNonce: () => true,
          }),
        },
      },
      ...(algorithm !== undefined && {
        enabledJWA: { dPoPSigningAlgValues: [algorithm] },
      }),
    },
    orders: (url) => ({
      origin: url,
      ...(nonces && { nonce: () => "a-nonce-of-the-api" }),
      ...api,
    }),
  });
  const seen: Seen[] = [];
  built.provider.intercept = ({ url = "/", method = "", headers }) => {
    const { pathname, searchParams } = new URL(url, built.provider.url);
    seen.push({
      path: pathname,
      query: searchParams,
      dpop: headers["dpop"] as string | undefined,
      authorization: headers.authorization,
      method,
    });
    return false;
  };
  parties = built;
  return { ...built, seen };
}

function proofsIn(seen: readonly Seen[], path: string) {
  return seen.flatMap((request) =>
    request.path === path && request.dpop !== undefined
      ? [
          {
            header: decodeProtectedHeader(request.dpop),
            claims: decodeJwt(request.dpop),
          },
        ]
      : [],
  );
}

// Shows: DP-01, DP-02, DP-03, DP-06, DP-07, BCP-06, BFF-29, F2-02
test("fapi2 happy-path-no-dpop-nonce: login, UserInfo and a forwarded call with proofs", async () => {
  const { seen, signIn, browser, app, provider } = await bound();
  await signIn();
  const orders = await browser.fetchJson(`${app.url}/api/orders?page=1`);
  expect(orders.status).toBe(200);

  const paths = ["/request", "/token", "/me"];
  const proofs = paths.flatMap((path) => proofsIn(seen, path));
  expect(proofs.map(({ claims: { htm, htu } }) => [htm, htu])).toEqual([
    ["POST", `${provider.url}/request`],
    ["POST", `${provider.url}/token`],
    ["POST", `${provider.url}/token`],
    ["GET", `${provider.url}/me`],
  ]);
  const jtis = new Set(proofs.map(({ claims }) => claims.jti));
  expect(jtis.size).toBe(4);
  const keys = new Set(proofs.map(({ header }) => JSON.stringify(header.jwk)));
  expect(keys.size).toBe(1);
  for (const { header } of proofs) {
    expect(header).toMatchObject({ typ: "dpop+jwt", alg: "ES256" });
    expect(Object.keys(header.jwk ?? {}).sort()).toEqual([
      "crv",
      "kty",
      "x",
      "y",
    ]);
  }
});

// Shows: DP-04, DP-05, F2-09
test("fapi2 happy-path: nonces that provider and API demand are sent, without a second try later", async () => {
  const { seen, signIn, browser, app } = await bound({ nonces: true });
  await signIn();
  expect((await browser.fetchJson(`${app.url}/api/orders`)).status).toBe(200);
  const before = seen.length;
  const tokenRequests = () =>
    seen.slice(before).filter(({ path }) => path === "/token").length;
  await browser.fetchJson(`${app.url}/logout`, { method: "POST" });
  await signIn();
  expect((await browser.fetchJson(`${app.url}/api/orders`)).status).toBe(200);
  expect(tokenRequests()).toBe(2);
});

// Shows: DP-08
test("a refresh proves the same key, and the new token is good at the API", async () => {
  takeClock();
  const { seen, signIn, browser, app } = await bound();
  await signIn();
  expect((await browser.fetchJson(`${app.url}/api/orders`)).status).toBe(200);
  passSeconds(61);
  expect((await browser.fetchJson(`${app.url}/api/orders`)).status).toBe(200);
  const keys = proofsIn(seen, "/token").map(({ header }) => header.jwk);
  expect(keys.length).toBe(3);
  expect(new Set(keys.map((key) => JSON.stringify(key))).size).toBe(1);
});

// Shows: DP-01, DP-02, DP-08
test.each([
  ["ES256", ["crv", "kty", "x", "y"]],
  ["EdDSA", ["crv", "kty", "x"]],
  ["Ed25519", ["crv", "kty", "x"]],
  ["PS256", ["e", "kty", "n"]],
] as const)(
  "%s where the provider takes that alone: login, a forwarded call, and another after a refresh",
  async (algorithm, members) => {
    takeClock();
    const { seen, signIn, browser, app } = await bound({
      algorithm,
      kit: { senderConstrained: "always" },
    });
    await signIn();
    for (const at of ["login", "refresh"]) {
      const answer = await browser.fetchJson(`${app.url}/api/orders`);
      expect([at, answer.status]).toEqual([at, 200]);
      passSeconds(61);
    }
    // The API takes a token that is bound with a proof by its key alone. Code,
    // token for the API, refresh.
    const proofs = ["/request", "/token"].flatMap((path) =>
      proofsIn(seen, path),
    );
    expect(proofs).toHaveLength(4);
    const keys = new Set(
      proofs.map(({ header }) => JSON.stringify(header.jwk)),
    );
    expect(keys.size).toBe(1);
    for (const { header } of proofs) {
      expect(header.alg).toBe(algorithm);
      expect(Object.keys(header.jwk ?? {}).sort()).toEqual(members);
    }
  },
);

test("fetch carries a proof, and so does what authorize gives to another client", async () => {
  const { signIn, browser, app, orders } = await bound({
    routes(routes, kit) {
      routes.get("/own-client", kit.requireAuth(), async (req, res) => {
        const url = `${orders.url}/v1/orders?q=1`;
        const headers = await loginOf(req).authorize(url, "GET");
        const answer = await fetch(url, { headers: { ...headers } });
        res.json({ status: answer.status, names: Object.keys(headers) });
      });
    },
  });
  await signIn();
  expect((await browser.fetchJson(`${app.url}/server-side`)).status).toBe(200);
  const own = await browser.fetchJson(`${app.url}/own-client`);
  expect(await own.json()).toEqual({
    status: 200,
    names: ["authorization", "dpop"],
  });
});
