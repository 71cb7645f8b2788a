/** Cookies that a browser keeps only while it is being signed in. */
import type { CookieOptions } from "express";
import type { Config } from "../config/config.js";

/** How such a cookie is set and cleared; its name begins with the session cookie's. */
export function signInCookieOptions({ secureCookies }: Config): CookieOptions {
  return {
    httpOnly: true,
    path: "/",
    // The provider sends the browser back by a cross-site navigation.
    sameSite: "lax",
    secure: secureCookies,
  };
}
