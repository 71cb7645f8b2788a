/** The modules of the FAPI 2.0 client plan, by name, for private_key_jwt and OpenID Connect, with both profiles. */
import { once } from "node:events";

import { describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";

import type { LoginKitEvents } from "../../lib/index.js";
import {
  FAPI2,
  type Fapi2World,
  inFapi2World,
  type Plan,
  WITH_NONCE,
  WITHOUT_NONCE,
} from "../support/fapi2-world.js";
import type { Misbehaviour, TokenLie } from "../support/lying-provider.js";
import { CLIENT_ID } from "../support/world.js";

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

async function expectSignedIn({
  login,
  calls,
  url,
}: Fapi2World): Promise<void> {
  const page = await login();
  expect(page.response.status).toBe(200);
  expect(page.url).toBe(`${url}/me`);
  expect(calls().slice(0, 2)).toEqual(["POST /par", "GET /authorize"]);
  expect(calls().at(-1)).toBe("GET /userinfo");
}

/** No further call: neither with the token, nor, where the answer is wrong, for one. */
async function expectStopped(
  { login, calls, statusFor, browser }: Fapi2World,
  last: string,
): Promise<void> {
  const page = await login();
  expect(page.response.status).toBeGreaterThanOrEqual(400);
  expect(await statusFor(browser)).toBe(401);
  expect(calls().at(-1)).toBe(last);
}

async function callAccounts({ browser, url }: Fapi2World): Promise<number> {
  const answer = await browser.fetchJson(`${url}/accounts`);
  await answer.body?.cancel();
  return answer.status;
}

function schemesAt({ accounts }: Fapi2World): unknown[] {
  return accounts.requests.map(
    ({ headers }) => headers.authorization?.split(" ")[0],
  );
}

const ID_TOKENS: readonly (readonly [module: string, lie: () => TokenLie])[] = [
  ["invalid-iss", () => ({ claims: { iss: "https://other.example" } })],
  ["invalid-missing-iss", () => ({ claims: { iss: undefined } })],
  ["invalid-aud", () => ({ claims: { aud: `${CLIENT_ID}1` } })],
  ["invalid-missing-aud", () => ({ claims: { aud: undefined } })],
  ["invalid-secondary-aud", () => ({ claims: { aud: [CLIENT_ID, "other"] } })],
  ["invalid-null-alg", () => ({ header: { alg: "none" } })],
  ["invalid-alternate-alg", () => ({ header: { alg: "RS256" } })],
  ["invalid-expired-exp", () => ({ claims: { exp: nowSeconds() - 360 } })],
  ["invalid-missing-exp", () => ({ claims: { exp: undefined } })],
  ["invalid-nonce", () => ({ claims: { nonce: "another nonce" } })],
  ["invalid-missing-nonce", () => ({ claims: { nonce: undefined } })],
];

/** Of the answer as it is, or of the JWT that it is in. */
const ANSWERS: readonly (readonly [module: string, misbehave: Misbehaviour])[] =
  [
    [
      "invalid-authorization-response-iss",
      {
        authorizationResponse: ({ iss = "", ...others }) => ({
          ...others,
          iss: `${iss}1`,
        }),
      },
    ],
    [
      "remove-authorization-response-iss",
      { authorizationResponse: ({ iss: _iss, ...others }) => others },
    ],
    [
      "ensure-authorization-response-with-invalid-state-fails",
      {
        authorizationResponse: ({ state = "", ...others }) => ({
          ...others,
          state: `${state}1`,
        }),
      },
    ],
    [
      "ensure-authorization-response-with-invalid-missing-state-fails",
      { authorizationResponse: ({ state: _state, ...others }) => others },
    ],
  ];

describe.each<Plan>(["fapi2", "fapi2-message-signing"])("%s", (plan) => {
  // Shows: F2-02, F2-03, F2-06, F2-09, F2-10, F2-13, F2-16, F2-20
  test.each([
    ["happy-path", WITH_NONCE, 2],
    ["happy-path-no-dpop-nonce", WITHOUT_NONCE, 1],
  ] as const)(
    `${FAPI2}%s: signs in, and calls the API`,
    (_module, taking, tries) =>
      inFapi2World(
        plan,
        {},
        async (world) => {
          await expectSignedIn(world);
          expect(await callAccounts(world)).toBe(200);
          expect(schemesAt(world)).toEqual(Array(tries).fill("DPoP"));
        },
        taking,
      ),
  );

  // Shows: F2-09
  test(`${FAPI2}rs-dpop-auth-scheme-case-insensitivity: tries again`, () =>
    inFapi2World(
      plan,
      {},
      async (world) => {
        const nonces: unknown[] = [];
        world.accounts.answer = ({ headers }, res) => {
          const { nonce } = decodeJwt(String(headers["dpop"]));
          nonces.push(nonce);
          if (nonce === undefined) {
            res.writeHead(401, {
              "DPoP-Nonce": "a-nonce-of-the-api",
              "WWW-Authenticate": 'dPOp ERROR="use_dpop_nonce"',
            });
          }
          res.end("{}");
        };
        await expectSignedIn(world);
        expect(await callAccounts(world)).toBe(200);
        expect(nonces).toEqual([undefined, "a-nonce-of-the-api"]);
      },
      WITHOUT_NONCE,
    ));

  // Shows: F2-02
  test("F2-02: tokens that are bound to no key are refused", () =>
    inFapi2World(
      plan,
      {
        tokenResponse: (right) => ({ ...right, token_type: "Bearer" }),
      },
      (world) => expectStopped(world, "POST /token"),
    ));

  // Shows: F2-10
  test(`${FAPI2}discovery-issuer-mismatch: stops`, () =>
    inFapi2World(
      plan,
      {
        metadata: ({ issuer, ...others }) => ({
          ...others,
          issuer: `${String(issuer)}INVALID`,
        }),
      },
      async ({ login, calls }) => {
        expect((await login()).response.status).toBe(503);
        expect(calls()).toEqual([]);
      },
    ));

  // Shows: F2-18
  test.each(ID_TOKENS)(`${FAPI2}%s: stops`, (_module, lie) =>
    inFapi2World(plan, { idToken: lie() }, (world) =>
      expectStopped(world, "POST /token"),
    ),
  );

  test(`${FAPI2}valid-aud-as-array: signs in`, () =>
    inFapi2World(
      plan,
      { idToken: { claims: { aud: [CLIENT_ID] } } },
      expectSignedIn,
    ));

  // Shows: F2-15
  test.each(ANSWERS)(`${FAPI2}%s: stops`, (_module, misbehave) =>
    inFapi2World(plan, misbehave, (world) =>
      expectStopped(world, "GET /authorize"),
    ),
  );

  test(`${FAPI2}token-endpoint-response-without-expires_in: signs in`, () =>
    inFapi2World(
      plan,
      {
        tokenResponse: ({ expires_in: _seconds, ...others }) => others,
      },
      expectSignedIn,
    ));

  test(`${FAPI2}token-type-case-insensitivity: signs in`, () =>
    inFapi2World(
      plan,
      {
        tokenResponse: ({ token_type: type, ...others }) => ({
          ...others,
          ...(type !== undefined && { token_type: inverted(type as string) }),
        }),
      },
      expectSignedIn,
    ));

  test("what the profile has chosen is told as its choice", () =>
    inFapi2World(plan, {}, async (world) => {
      const told = once(world.kit.events, "provider.found");
      await expectSignedIn(world);
      const [{ choices }] = (await told) as LoginKitEvents["provider.found"];
      const why = Object.fromEntries(
        choices.map((choice) => [choice.about, choice.why]),
      );
      expect(why).toMatchObject({
        "pushed requests": `the option securityProfile is ${plan}`,
        "token binding": `the option securityProfile is ${plan}`,
      });
    }));

  // What the provider has to have; each is told with what to change.
  test.each<[string, Misbehaviour["metadata"], string]>([
    [
      "no pushed requests",
      ({ pushed_authorization_request_endpoint: _par, ...others }) => others,
      "a pushed_authorization_request_endpoint",
    ],
    [
      "no S256",
      ({ code_challenge_methods_supported: _pkce, ...others }) => others,
      "S256 in code_challenge_methods_supported",
    ],
    [
      "no algorithm for proofs",
      (right) => ({ ...right, dpop_signing_alg_values_supported: ["RS256"] }),
      "ES256 or Ed25519 or EdDSA or PS256 in dpop_signing_alg_values_supported",
    ],
  ])("F2-13: a provider with %s is not used", (_what, metadata, told) =>
    inFapi2World(
      plan,
      { ...(metadata && { metadata }) },
      async ({ login, calls, kit }) => {
        const diagnoses: string[] = [];
        kit.events.on("request.refused", ({ diagnosis }) => {
          diagnoses.push(diagnosis);
        });
        expect((await login()).response.status).toBe(503);
        expect(diagnoses[0]).toContain(
          `securityProfile ${plan} demands ${told}; turn it on at the provider, or leave the option out`,
        );
        expect(calls()).toEqual([]);
      },
    ),
  );
});

test("F2-15: a provider that does not promise iss is not used, unless answers are signed", async () => {
  const metadata: Misbehaviour["metadata"] = ({
    authorization_response_iss_parameter_supported: _iss,
    ...others
  }) => others;
  await inFapi2World("fapi2", { metadata }, async ({ login, calls }) => {
    expect((await login()).response.status).toBe(503);
    expect(calls()).toEqual([]);
  });
  await inFapi2World("fapi2-message-signing", { metadata }, expectSignedIn);
});

function inverted(text: string): string {
  return text.replace(/[a-z]/gi, (one) =>
    one === one.toUpperCase() ? one.toLowerCase() : one.toUpperCase(),
  );
}
