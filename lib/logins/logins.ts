/** The parts that find, watch and end logins. */
import type { Ground } from "../config/ground.js";
import type { SessionBackend } from "../stores/session-backend.js";
import { createCurrentLogin, type CurrentLogin } from "./current-login.js";
import { createLiveLogins, type LiveLogins } from "./live-logins.js";
import {
  createLoginEnding,
  type LoginEnding,
  type RevokeTokens,
} from "./login-ending.js";
import { createUserLogins, type UserLogins } from "./user-logins.js";

/** What other rooms ask about logins. */
export interface Logins {
  readonly currentLogin: CurrentLogin;
  readonly loginEnding: LoginEnding;
  readonly userLogins: UserLogins;
  readonly liveLogins: LiveLogins;
}

/** Creates them. */
export function createLogins(
  ground: Ground,
  backend: SessionBackend,
  revoke: RevokeTokens,
): Logins {
  const loginEnding = createLoginEnding(ground, backend, revoke);
  return {
    currentLogin: createCurrentLogin(ground, loginEnding),
    loginEnding,
    userLogins: createUserLogins(ground, loginEnding),
    liveLogins: createLiveLogins(ground),
  };
}
