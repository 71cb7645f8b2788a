/** Cookies that a browser keeps only while it is being signed in. */
import type { CookieOptions } from "express";
import type { Config } from "../config.js";

/** What such a cookie, or each of several, is called and how it is set. */
export interface SignInCookie {
  /** The name, or how it begins. */
  readonly name: string;
  /** For setting it and for clearing it. */
  readonly options: CookieOptions;
}

/** With `__Host-` where cookies are Secure (RFC 6265bis 4.1.3.2). */
export function signInCookie(
  { secureCookies }: Config,
  name: string,
): SignInCookie {
  return {
    name: secureCookies ? `__Host-${name}` : name,
    options: {
      httpOnly: true,
      path: "/",
      // The provider sends the browser back by a cross-site navigation.
      sameSite: "lax",
      secure: secureCookies,
    },
  };
}
