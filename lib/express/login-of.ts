/** What the kit adds to an Express request, and `loginOf`. */
// Applications get `req.session` typed; an import would be gone from the declarations.
/// <reference types="express-session" preserve="true" />
import type { Request } from "express";
import { LoginKitError } from "../base/errors.js";
import type { Login } from "../logins/current-login.js";

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Express's own way to add to its request type
  namespace Express {
    interface Request {
      /** The signed-in user, behind `requireAuth` or `identify`. */
      oidc?: Login;
    }
  }
}

/**
 * The login of a request behind `requireAuth`.
 *
 * @throws {LoginKitError} `ERR_LOGIN_REQUIRED` where there is none
 */
export function loginOf(req: Request): Login {
  if (req.oidc === undefined) {
    throw new LoginKitError("ERR_LOGIN_REQUIRED", {
      message: "loginOf(req): no login; put kit.requireAuth() before the route",
    });
  }
  return req.oidc;
}
