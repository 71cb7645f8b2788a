/** Logins whose ID Token a test has changed, at an application that nobody has used yet. */
import { expect } from "@jest/globals";

import type { Misbehaviour, TokenLie } from "./lying-provider.js";
import {
  expectSignedIn,
  inModuleWorld,
  type ModuleWorld,
  type ModuleWorldOptions,
  USUAL_VARIANT,
} from "./module-world.js";

/** What is wrong, and what it takes. */
export interface IdTokenLogin extends ModuleWorldOptions {
  /** Beside the ID Token. */
  readonly misbehave?: Misbehaviour;
  /** Of the error. Default `ERR_ID_TOKEN_INVALID`. */
  readonly code?: string;
}

/** What is changed in an ID Token; a function where that depends on the world. */
export type IdTokenLie = TokenLie | ((world: ModuleWorld) => TokenLie);

/** The login must not come about, with the documented code and without UserInfo. */
export function expectRefused(
  idToken: IdTokenLie,
  { misbehave, code = "ERR_ID_TOKEN_INVALID", ...options }: IdTokenLogin = {},
): Promise<void> {
  return inModuleWorld(
    USUAL_VARIANT,
    async (world) => {
      world.lie({ ...misbehave, idToken: lieIn(world, idToken) });
      const page = await world.login();
      expect(page.body).toContain(code);
      expect(page.response.status).toBe(502);
      expect(world.calls()).toEqual(["GET /authorize", "POST /token"]);
      expect(await world.statusFor(world.browser)).toBe(401);
    },
    options,
  );
}

/** Alice is signed in, and nothing is asked but what a login needs. */
export function expectAccepted(
  idToken: IdTokenLie,
  { misbehave, ...options }: IdTokenLogin = {},
): Promise<void> {
  return inModuleWorld(
    USUAL_VARIANT,
    async (world) => {
      world.lie({ ...misbehave, idToken: lieIn(world, idToken) });
      expectSignedIn(world, await world.login());
    },
    options,
  );
}

function lieIn(world: ModuleWorld, idToken: IdTokenLie): TokenLie {
  return typeof idToken === "function" ? idToken(world) : idToken;
}
