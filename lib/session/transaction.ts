/** A login in progress, bound to this browser, one per state. */
import { createHash, randomBytes } from "node:crypto";
import { parse } from "cookie";
import type { Request, Response } from "express";
import type { Config } from "../config.js";
import { signInCookiePrefix } from "../cookie-names.js";
import { LoginKitError } from "../errors.js";
import type { LoginStore, Transaction } from "../login-store/login-store.js";
import { requestFacts } from "./request-facts.js";
import { signInCookieOptions } from "./sign-in-cookies.js";

/** Logins that one browser can have in progress; the oldest makes room. */
const MAX_PER_BROWSER = 10;

/** How the name of a transaction's cookie ends. */
const OWN_END = /^[\w-]{10}$/;

/** What a new transaction is kept under. */
export interface TransactionDeps {
  readonly config: Config;
  readonly loginStore: LoginStore;
  readonly now: () => number;
}

/** Keeps transactions between `login` and `callback`. */
export interface Transactions {
  /** Stores a transaction and gives this browser the cookie that opens it. */
  begin: (
    req: Request,
    res: Response,
    state: string,
    transaction: Transaction,
  ) => Promise<void>;
  /**
   * The transaction of this state, if this browser began it: exactly once.
   *
   * @throws {LoginKitError} `ERR_TRANSACTION_NOT_FOUND`, `_EXPIRED`, `_USED`
   */
  take: (req: Request, res: Response, state: string) => Promise<Transaction>;
}

/**
 * Every transaction has a cookie of its own, so that any number of tabs of a
 * browser that had no cookie yet can begin at once: with a single cookie, the
 * last answer would overwrite the others.
 *
 * The record's key is made of the state and of the cookie's secret. Whoever
 * knows only the state finds nothing, and cannot use up what is not theirs.
 */
export function createTransactions({
  config,
  loginStore,
  now,
}: TransactionDeps): Transactions {
  const cookiePrefix = signInCookiePrefix(config.session.cookieName);
  const cookieOptions = signInCookieOptions(config);
  const cookieName = (state: string): string =>
    cookiePrefix + digest(state).slice(0, 10);

  const makeRoom = (req: Request, res: Response): void => {
    const pending = Object.entries(cookiesOf(req))
      // Ours only: an application may have others, and a client any.
      .filter(
        ([name]) =>
          name.startsWith(cookiePrefix) &&
          OWN_END.test(name.slice(cookiePrefix.length)),
      )
      .map(([name, value]) => ({ name, beganAt: beganAt(value) }))
      .sort((a, b) => b.beganAt - a.beganAt);
    for (const { name } of pending.slice(MAX_PER_BROWSER - 1)) {
      // Its record is unreachable from now on and expires by itself.
      res.clearCookie(name, cookieOptions);
    }
  };

  return {
    async begin(req, res, state, transaction) {
      makeRoom(req, res);
      const binding = `${now().toString(36)}.${randomBytes(32).toString("base64url")}`;
      await loginStore.putTransaction(
        recordKey(state, binding),
        transaction,
        config.transactionTimeoutSeconds,
      );
      res.cookie(cookieName(state), binding, {
        ...cookieOptions,
        maxAge: config.transactionTimeoutSeconds * 1000,
      });
    },
    async take(req, res, state) {
      const name = cookieName(state);
      const binding = cookiesOf(req)[name];
      if (binding === undefined) {
        throw new LoginKitError("ERR_TRANSACTION_NOT_FOUND", {
          message: `the cookie of this login (${name}) did not come along; ${requestFacts(req, config, () => `others did: the login was answered before (a reload, the back button), begun more than ${String(config.transactionTimeoutSeconds)} seconds ago, or in another browser`)}`,
        });
      }
      const transaction = await loginStore.takeTransaction(
        recordKey(state, binding),
      );
      // Only now: had the store not answered, a reload could still succeed.
      res.clearCookie(name, cookieOptions);
      if (transaction === undefined) {
        throw goneError(now() - beganAt(binding), config);
      }
      return transaction;
    },
  };
}

function goneError(
  age: number,
  { transactionTimeoutSeconds, redis }: Config,
): LoginKitError {
  const seconds = Math.round(age / 1000);
  if (seconds >= transactionTimeoutSeconds) {
    return new LoginKitError("ERR_TRANSACTION_EXPIRED", {
      message: `this login was begun ${String(seconds)} seconds ago; transactionTimeoutSeconds is ${String(transactionTimeoutSeconds)}`,
    });
  }
  return new LoginKitError("ERR_TRANSACTION_USED", {
    message: `this login was begun ${String(seconds)} seconds ago and its record is not in the store: it was answered before (a reload, the back button, a second tab)${
      redis === undefined
        ? ", or another process began it, or this one has restarted: the embedded store is not shared"
        : ", or it was begun with another Redis, redisKeyPrefix, issuer or clientId"
    }`,
  });
}

function recordKey(state: string, binding: string): string {
  return digest(`${state}\n${binding}`);
}

/** The time that the cookie names; the browser may have altered it, so it only explains. */
function beganAt(binding: string | undefined): number {
  const time = parseInt(binding ?? "", 36);
  return Number.isNaN(time) ? 0 : time;
}

function cookiesOf(req: Request): Record<string, string | undefined> {
  return parse(req.headers.cookie ?? "");
}

function digest(value: string): string {
  return createHash("sha256").update(value).digest("base64url");
}
