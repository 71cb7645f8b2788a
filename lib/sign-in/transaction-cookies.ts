/** The cookie of each sign-in in progress: it opens the record, and remembers the wanted page. */
import { parse } from "cookie";
import type { Request, Response } from "express";
import { signInCookiePrefix } from "../base/cookie-names.js";
import { localPath } from "../base/return-to.js";
import type { Config } from "../config/config.js";
import { signInCookieOptions } from "./sign-in-cookies.js";

/** Sign-ins that one browser can have in progress; the oldest makes room. */
const MAX_PER_BROWSER = 10;

/** How many cookies of sign-ins without an answer stay. */
const MAX_UNANSWERED = 2;

/** How the name of such a cookie ends. */
const OWN_END = /^[\w-]{10}$/;

/** How long the cookie remembers the wanted page after the record has gone: a day. */
const PAGE_REMEMBERED_MS = 24 * 60 * 60 * 1000;

/** Longest page that the cookie remembers, in characters: cookies go along with every request. */
const MAX_REMEMBERED_PAGE = 300;

/** What the cookie of a sign-in says. The browser may have altered it. */
export interface TransactionCookie {
  readonly name: string;
  readonly isThere: boolean;
  /** It only explains. Milliseconds since 1970. */
  readonly beganAt: number;
  readonly secret: string;
  /** The page that was wanted. */
  readonly returnTo: string | undefined;
}

/** The cookies of the sign-ins in progress of one browser. */
export interface TransactionCookies {
  /** Makes room for one more: the oldest go. */
  readonly makeRoom: (req: Request, res: Response) => void;
  readonly set: (
    res: Response,
    stateHash: string,
    secret: string,
    returnTo: string,
  ) => void;
  readonly read: (req: Request, stateHash: string) => TransactionCookie;
  readonly clear: (res: Response, stateHash: string) => void;
}

/** Creates the functions that read and set them. */
export function createTransactionCookies(
  config: Config,
  now: () => number,
): TransactionCookies {
  const prefix = signInCookiePrefix(config.session.cookieName);
  const options = signInCookieOptions(config);
  const lifetime = config.transactionTimeoutSeconds * 1000;
  const nameOf = (stateHash: string): string => prefix + stateHash.slice(0, 10);

  return {
    makeRoom(req, res) {
      const pending = Object.entries(cookiesOf(req))
        .filter(([name]) => isOne(name, prefix))
        .map(([name, value]) => readCookie(name, value))
        .sort((one, other) => other.beganAt - one.beganAt);
      const isOver = ({ beganAt }: TransactionCookie): boolean =>
        now() - beganAt >= lifetime;
      const open = pending.filter((one) => !isOver(one));
      const over = pending.filter(isOver);
      const room = MAX_PER_BROWSER - 1;
      const kept = [
        ...open.slice(0, room),
        ...over.slice(0, Math.min(MAX_UNANSWERED, room - open.length)),
      ];
      for (const one of pending) {
        // Its record is unreachable from now on and expires by itself.
        if (!kept.includes(one)) res.clearCookie(one.name, options);
      }
    },
    set(res, stateHash, secret, returnTo) {
      const isRemembered =
        returnTo !== config.defaultReturnTo &&
        returnTo.length <= MAX_REMEMBERED_PAGE;
      const page = Buffer.from(returnTo).toString("base64url");
      const value = [
        now().toString(36),
        secret,
        ...(isRemembered ? [page] : []),
      ];
      res.cookie(nameOf(stateHash), value.join("."), {
        ...options,
        maxAge: isRemembered
          ? Math.max(lifetime, PAGE_REMEMBERED_MS)
          : lifetime,
      });
    },
    read(req, stateHash) {
      const name = nameOf(stateHash);
      return readCookie(name, cookiesOf(req)[name]);
    },
    clear(res, stateHash) {
      res.clearCookie(nameOf(stateHash), options);
    },
  };
}

/** Ours only: an application may have others, and a client any. */
function isOne(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && OWN_END.test(name.slice(prefix.length));
}

function readCookie(
  name: string,
  value: string | undefined,
): TransactionCookie {
  const [beganAt = "", secret = "", page = ""] = (value ?? "").split(".");
  const time = parseInt(beganAt, 36);
  return {
    name,
    isThere: value !== undefined,
    beganAt: Number.isNaN(time) ? 0 : time,
    secret,
    returnTo: localPath(Buffer.from(page, "base64url").toString()),
  };
}

function cookiesOf(req: Request): Record<string, string | undefined> {
  return parse(req.headers.cookie ?? "");
}
