/** Where a FAPI 2.0 module of the conformance suite runs: the lying provider as the suite shows itself, and a client that follows the profile. */
import { generateKeyPairSync } from "node:crypto";

import { expect } from "@jest/globals";
import { decodeJwt } from "jose";

import {
  type LoginKitOptions,
  loginOf,
  PrivateKeyJwt,
} from "../../lib/index.js";
import {
  testResourceServer,
  type TestResourceServer,
} from "../../lib/testing/index.js";
import type { LyingProviderOptions, Misbehaviour } from "./lying-provider.js";
import { type LyingWorld, lyingWorld } from "./lying-world.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "./test-browser.js";
import { CLIENT_ID } from "./world.js";

/** What the names of the modules begin with. */
export const FAPI2 = "fapi2-security-profile-final-client-test-";

/** What the provider has for tokens that are bound to a key. */
export type Taking = Required<Pick<LyingProviderOptions, "dpop">>;

/** How the provider takes proofs of possession. The suite asks for nonces, but for one module. */
export const WITH_NONCE: Taking = { dpop: { nonce: "a-nonce-of-the-suite" } };
export const WITHOUT_NONCE: Taking = { dpop: {} };

/** The two profiles: for the other one requests and answers are signed. */
export type Plan = "fapi2" | "fapi2-message-signing";

/** The application, its provider, an API and a browser. */
export interface Fapi2World extends LyingWorld {
  /** It wants nonces in proofs where the provider does. */
  readonly accounts: TestResourceServer;
  readonly browser: TestBrowser;
  readonly login: () => Promise<Page>;
  /** "METHOD /path" but for metadata and keys. */
  readonly calls: () => readonly string[];
}

const { privateKey, publicKey } = generateKeyPairSync("ec", {
  namedCurve: "P-256",
});
const decoys = [
  generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey,
  generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey,
];

/** Runs a module by itself, and checks what every module checks. */
export async function inFapi2World(
  plan: Plan,
  misbehave: Misbehaviour,
  run: (world: Fapi2World) => Promise<void>,
  taking = WITH_NONCE,
): Promise<void> {
  const accounts = await testResourceServer({
    proofs: taking.dpop.nonce === undefined ? "checked" : "nonce",
  });
  const isSigned = plan === "fapi2-message-signing";
  const world = await lyingWorld({
    client: {
      tokenEndpointAuthMethod: "private_key_jwt",
      publicKey: publicKey.export({ format: "jwk" }),
      idTokenSignedResponseAlg: "PS256",
    },
    provider: {
      ...taking,
      offers: {
        pushedRequests: "required",
        ...(isSigned && {
          signedRequests: "required",
          signedResponses: "offered",
        }),
      },
      misbehave: { jwks: withDecoys, ...misbehave },
    },
    kit: {
      ...clientOf(plan),
      resourceServers: { accounts: { url: accounts.url } },
    },
    routes(app, { requireAuth, forward }) {
      app.use("/accounts", requireAuth(), forward("accounts"));
      app.get("/userinfo", requireAuth(), async (req, res) => {
        res.json(await loginOf(req).userInfo());
      });
    },
  });
  const browser = createTestBrowser();
  const calls = (): readonly string[] =>
    world.provider.requests.filter(
      (request) => !/ \/(?:\.well-known\/|jwks)/.test(request),
    );
  try {
    await run({
      ...world,
      accounts,
      browser,
      calls,
      login: () => browser.navigate(`${world.url}/login?return_to=/me`),
    });
    expectRightRequests(world, isSigned);
    expectFreshProofs(world, accounts);
  } finally {
    await Promise.all([world.close(), accounts.close()]);
  }
}

/** A client that follows the profile. */
function clientOf(plan: Plan): Partial<LoginKitOptions> {
  return {
    securityProfile: plan,
    clientSecret: undefined as never,
    clientAuth: PrivateKeyJwt({ key: privateKey, kid: "client" }),
    idTokenSigningAlg: "PS256",
    scope: "openid profile",
    userInfo: true,
    ...(plan === "fapi2-message-signing" && {
      requestSigningKey: privateKey,
      responseMode: "query.jwt" as const,
    }),
  };
}

/** Other keys under the names of the right ones. */
function withDecoys(right: readonly object[]): readonly object[] {
  const names = right.flatMap(({ kid }: { kid?: string }) => kid ?? []);
  return [
    ...names.flatMap((kid) =>
      decoys.map((key) => {
        const jwk = key.export({ format: "jwk" });
        const alg = jwk.kty === "RSA" ? "RS256" : "ES384";
        return { ...jwk, kid, use: "sig", alg };
      }),
    ),
    ...right,
  ];
}

/** What the suite looks at in every module. */
function expectRightRequests(
  { provider }: LyingWorld,
  isSigned: boolean,
): void {
  for (const { method, path, query, form, headers } of provider.received) {
    if (path === "/authorize") {
      expect([...query.keys()].sort()).toEqual(["client_id", "request_uri"]);
    }
    if (path === "/par" || path === "/token") {
      expect(method).toBe("POST");
      expect(assertionIn(form)).toMatchObject({
        iss: CLIENT_ID,
        sub: CLIENT_ID,
        aud: provider.issuer,
      });
      expect(form.has("client_secret")).toBe(false);
      expect(headers.authorization).toBeUndefined();
    }
    if (path === "/par") {
      expect(form.has("request_uri")).toBe(false);
      const request = isSigned
        ? claimsIn(form.get("request") ?? "")
        : Object.fromEntries(form);
      expect(request).toMatchObject({
        response_type: "code",
        code_challenge_method: "S256",
      });
      expect(String(request["nonce"]).length).toBeLessThanOrEqual(64);
    }
    if (path === "/userinfo") {
      expect(query.has("access_token")).toBe(false);
      expect(headers.authorization).toMatch(/^DPoP /);
    }
  }
}

/** Tokens come and go with a proof each, and none is sent twice. */
function expectFreshProofs(
  { provider }: LyingWorld,
  { requests }: TestResourceServer,
): void {
  const proven = provider.received.filter(
    ({ path }) => path === "/token" || path === "/userinfo",
  );
  const ids = [...proven, ...requests].map(
    ({ headers }) => decodeJwt(String(headers["dpop"])).jti,
  );
  expect(ids).not.toContain(undefined);
  expect(new Set(ids).size).toBe(ids.length);
}

function assertionIn(form: URLSearchParams): Record<string, unknown> {
  return claimsIn(form.get("client_assertion") ?? "");
}

function claimsIn(jwt: string): Record<string, unknown> {
  const text = Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString();
  return JSON.parse(text) as Record<string, unknown>;
}
