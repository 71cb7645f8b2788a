/** Remembers in a cookie when a browser was last asked in silence whether its user is signed in elsewhere. */
import { parse } from "cookie";
import type { Request, Response } from "express";
import { silenceCookieName } from "../base/cookie-names.js";
import type { Config } from "../config/config.js";
import { signInCookieOptions } from "./sign-in-cookies.js";

/** How long the cookie stays: who comes again has shown before that cookies are kept. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/** The cookie of a browser that was never asked, or is signed in. */
const NEVER = "0";

/** The cookie of a user who has signed out and not in again. */
const SIGNED_OUT = "out";

/** How the cookie ends while the answer is awaited. */
const WAITING = ".waiting";

/** What a browser remembers of it. It may alter that, and harms only itself. */
export interface Silence {
  /** From now on it counts: before that, nothing is remembered of sign-outs. */
  readonly use: () => void;
  /**
   * Whether to ask. Never a browser that sends no cookie at all: it would come
   * back as a stranger.
   */
  readonly isDue: (req: Request, everySeconds: number) => boolean;
  /** Whether the browser was asked, and this request is the first since. */
  readonly isWaiting: (req: Request) => boolean;
  /** The browser is being asked. */
  readonly ask: (res: Response) => void;
  /** It is not awaited any longer. */
  readonly answered: (res: Response) => void;
  /** Gives a browser that has no cookie of ours one, to see whether it keeps it. */
  readonly prove: (req: Request, res: Response) => void;
  /** The user is signed in: when that is over, it can be asked again. */
  readonly forget: (cookies: string | undefined, res: Response) => void;
  /** The user does not want to be signed in: not asked until they sign in, or close the browser. */
  readonly signedOut: (res: Response) => void;
}

/** Creates the functions. */
export function createSilence(config: Config, now: () => number): Silence {
  const name = silenceCookieName(config.session.cookieName);
  const options = signInCookieOptions(config);
  let isUsed = false;
  const valueIn = (cookies: string | undefined): string | undefined =>
    parse(cookies ?? "")[name];
  const set = (res: Response, value: string): void => {
    res.cookie(name, value, { ...options, maxAge: KEPT_MS });
  };
  return {
    use() {
      isUsed = true;
    },
    isDue(req, everySeconds) {
      if (req.headers.cookie === undefined) return false;
      const value = valueIn(req.headers.cookie) ?? NEVER;
      const askedAt = Number.parseInt(value, 36) || 0;
      return value !== SIGNED_OUT && now() - askedAt >= everySeconds * 1000;
    },
    isWaiting: (req) => valueIn(req.headers.cookie)?.endsWith(WAITING) === true,
    ask(res) {
      set(res, now().toString(36) + WAITING);
    },
    answered(res) {
      set(res, now().toString(36));
    },
    prove(req, res) {
      if (valueIn(req.headers.cookie) === undefined) set(res, NEVER);
    },
    forget(cookies, res) {
      // Most requests of most applications end here.
      if (!isUsed || cookies?.includes(name) !== true) return;
      if (valueIn(cookies) !== NEVER) set(res, NEVER);
    },
    signedOut(res) {
      if (isUsed) res.cookie(name, SIGNED_OUT, options);
    },
  };
}
