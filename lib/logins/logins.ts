/** The parts that find, watch and end logins. */
import type { Ground } from "../config/ground.js";
import {
  createCurrentLogin,
  type CurrentLogin,
  type WithFreshClaims,
} from "./current-login.js";
import type { LiveLogins } from "./live-logins.js";
import type { LoginEnding } from "./login-ending.js";
import { createUserLogins, type UserLogins } from "./user-logins.js";

/** What other rooms ask about logins. */
export interface Logins {
  readonly currentLogin: CurrentLogin;
  readonly loginEnding: LoginEnding;
  readonly userLogins: UserLogins;
  readonly liveLogins: LiveLogins;
}

/** Creates those that find logins; those that end and watch them are there before. */
export function createLogins(
  ground: Ground,
  ending: Pick<Logins, "loginEnding" | "liveLogins">,
  withFreshClaims: WithFreshClaims,
): Logins {
  const { loginEnding } = ending;
  return {
    ...ending,
    currentLogin: createCurrentLogin(ground, loginEnding, withFreshClaims),
    userLogins: createUserLogins(ground, loginEnding),
  };
}
