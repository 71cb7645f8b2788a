/** The modules of a login by code: the Basic RP plan has them, and Form Post RP has them again. */
import { expect } from "@jest/globals";

import {
  type Json,
  type Misbehaviour,
  type TokenLie,
  withBrokenSignature,
} from "../support/lying-provider.js";
import {
  expectSignedIn,
  expectStopped,
  inModuleWorld,
  type ModuleWorld,
  type Variant,
} from "../support/module-world.js";
import type { PublishedKey } from "../../lib/testing/provider/keys.js";

/** A module of the suite. */
export interface LoginModule {
  readonly name: string;
  /** What passing it says, with the requirement. */
  readonly rule: string;
  readonly run: (variant: Variant) => Promise<void>;
}

/** Also a module of the Config RP plan. */
export const SIGNATURE_NONE = refuses(
  "oidcc-client-test-idtoken-sig-none",
  // Shows: ASVS 6.8.2
  "CORE-22, ASVS 9.1.2: an ID Token without a signature is refused (the suite then says SKIPPED)",
  { header: { alg: "none" } },
);

export const LOGIN_MODULES: readonly LoginModule[] = [
  accepts(
    "oidcc-client-test",
    "CORE-16: a login that is right in everything, up to UserInfo",
    {},
  ),
  refuses(
    "oidcc-client-test-invalid-iss",
    // Shows: DISC-03
    "CORE-19: an ID Token of another issuer is refused",
    { claims: (right) => ({ ...right, iss: `${String(right["iss"])}1` }) },
  ),
  refuses(
    "oidcc-client-test-missing-sub",
    "CORE-31: an ID Token without sub is refused",
    { claims: { sub: undefined } },
  ),
  refuses(
    "oidcc-client-test-invalid-aud",
    // Shows: CORE-53, ASVS 9.2.3, 10.5.4
    "CORE-20: an ID Token for another audience is refused",
    { claims: (right) => ({ ...right, aud: `${String(right["aud"])}1` }) },
  ),
  refuses(
    "oidcc-client-test-missing-iat",
    "CORE-31: an ID Token without iat is refused",
    { claims: { iat: undefined } },
  ),
  accepts(
    "oidcc-client-test-kid-absent-single-jwks",
    "CORE-22: the one key for its alg is found without kid",
    {
      idToken: { header: { kid: undefined } },
      jwks: (right) => right.filter(isFirstOfItsKind).map(withoutKid),
    },
  ),
  accepts(
    "oidcc-client-test-kid-absent-multiple-jwks",
    "CORE-22: without kid the few keys that fit are tried (the module allows either)",
    {
      idToken: { header: { kid: undefined } },
      jwks: (right) => right.map(withoutKid),
    },
  ),
  accepts(
    "oidcc-client-test-idtoken-sig-rs256",
    "CORE-22, CORE-23: an ID Token with RS256 is accepted",
    {
      metadata: (right) => ({
        ...right,
        id_token_signing_alg_values_supported: ["RS256"],
      }),
    },
  ),
  SIGNATURE_NONE,
  refuses(
    "oidcc-client-test-invalid-sig-rs256",
    // Shows: ASVS 9.1.1
    "CORE-22, ASVS 6.8.2: an ID Token with an altered signature is refused",
    { token: withBrokenSignature },
  ),
  {
    name: "oidcc-client-test-userinfo-invalid-sub",
    rule: "CORE-39: UserInfo of somebody else is refused",
    run: (variant) =>
      inModuleWorld(variant, async (world) => {
        world.lie({
          userinfo: (right): Json => ({
            ...right,
            sub: `${String(right["sub"])}invalid`,
          }),
        });
        await expectRefused(world, "ERR_USERINFO_INVALID", "GET /userinfo");
      }),
  },
  refuses(
    "oidcc-client-test-nonce-invalid",
    // Shows: CORE-53, ASVS 10.5.1
    "CORE-27: an ID Token with another nonce is refused",
    { claims: (right) => ({ ...right, nonce: `${String(right["nonce"])}1` }) },
  ),
  {
    name: "oidcc-client-test-scope-userinfo-claims",
    rule: "CORE-43: the claims of the scopes that were asked for come by UserInfo",
    run: (variant) =>
      inModuleWorld(
        variant,
        async (world) => {
          expectSignedIn(world, await world.login());
          const answer = await world.browser.fetchJson(`${world.url}/claims`);
          expect(await answer.json()).toMatchObject({
            sub: "alice",
            name: "alice",
            email: "alice@example.com",
            phone_number: "+49 30 555 555",
            address: { country: "DE" },
          });
        },
        { kit: { scope: "openid profile email phone address" } },
      ),
  },
  {
    name: "oidcc-client-test-client-secret-basic",
    rule: "CORE-12: the client authenticates by HTTP Basic and nothing else",
    run: ({ responseMode }) =>
      inModuleWorld(
        { responseMode, clientAuth: "client_secret_basic" },
        async (world) => {
          world.lie({
            metadata: (right) => ({
              ...right,
              token_endpoint_auth_methods_supported: ["client_secret_basic"],
            }),
          });
          expectSignedIn(world, await world.login());
        },
      ),
  },
];

/** A positive module: it waits for the UserInfo request. */
function accepts(name: string, rule: string, lies: Misbehaviour): LoginModule {
  const run: LoginModule["run"] = (variant) =>
    inModuleWorld(variant, async (world) => {
      world.lie(lies);
      expectSignedIn(world, await world.login());
    });
  return { name, rule, run };
}

/** A negative module: no call follows the one that brought this ID Token. */
function refuses(
  name: string,
  rule: string,
  idToken: TokenLie,
  more: Misbehaviour = {},
): LoginModule {
  const run: LoginModule["run"] = (variant) =>
    inModuleWorld(variant, async (world) => {
      world.lie({ ...more, idToken });
      await expectRefused(world, "ERR_ID_TOKEN_INVALID");
    });
  return { name, rule, run };
}

async function expectRefused(
  world: ModuleWorld,
  code: string,
  ...callsAfterToken: readonly string[]
): Promise<void> {
  const page = await world.login();
  expect(page.body).toContain(code);
  expect(page.response.status).toBe(502);
  const calls = ["GET /authorize", "POST /token", ...callsAfterToken];
  await expectStopped(world, calls);
}

function withoutKid({ kid: _removed, ...key }: PublishedKey): PublishedKey {
  return key;
}

function isFirstOfItsKind(
  { kty, crv, use }: PublishedKey,
  index: number,
  keys: readonly PublishedKey[],
): boolean {
  return (
    index ===
    keys.findIndex(
      (key) => key.kty === kty && key.crv === crv && key.use === use,
    )
  );
}
