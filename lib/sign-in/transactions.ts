/** A login in progress, bound to this browser, one per state. */
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "cookie";
import type { Request, Response } from "express";
import type { Config } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { signInCookiePrefix } from "../base/cookie-names.js";
import { LoginKitError } from "../base/errors.js";
import type { TakenTransaction, Transaction } from "../stores/login-store.js";
import { localPath } from "../base/return-to.js";
import { requestFacts } from "../http/request-facts.js";
import { outcomeOf, outcomeText, type Outcome } from "./outcome.js";
import { signInCookieOptions } from "./sign-in-cookies.js";
import { hashOfState } from "./state.js";

/** Logins that one browser can have in progress; the oldest makes room. */
const MAX_PER_BROWSER = 10;

/** How the name of a transaction's cookie ends. */
const OWN_END = /^[\w-]{10}$/;

/** How long the browser that began a sign-in can ask what came of it, in seconds. */
const OUTCOME_SECONDS = 60;

/** How long the cookie remembers the wanted page after the record has gone, in milliseconds: a day. */
const PAGE_REMEMBERED_MS = 24 * 60 * 60 * 1000;

/** Longest page that the cookie remembers, in characters: cookies go along with every request. */
const MAX_REMEMBERED_PAGE = 300;

/** Sign-ins that were never answered: so many of their cookies stay. */
const MAX_UNANSWERED = 2;

/** How often it is looked whether another request is done, in milliseconds: the first time, and at most. */
const LOOK_AGAIN_MS = { first: 20, most: 250 };

/** What this request is to the sign-in that its answer belongs to. */
export type FoundTransaction =
  /** It is the first of the browser that began: it goes on. */
  | {
      readonly kind: "taken";
      readonly transaction: Transaction;
      /** Keeps what came of it, for the same browser. */
      readonly keep: (outcome: Outcome) => Promise<void>;
    }
  /** Another request of this browser has gone on; this is what came of it. */
  | {
      readonly kind: "answered";
      readonly outcome: Outcome;
      readonly returnTo: string;
    }
  /** There is nothing to go on with. */
  | {
      readonly kind: "gone";
      readonly failure: LoginKitError;
      /** Whether another browser may still go on with it. */
      readonly isOfAnother: boolean;
      /** The page that was wanted, where something still tells it. Nobody vouches for it. */
      readonly returnTo: string | undefined;
    };

/** Keeps transactions between `login` and `callback`. */
export interface Transactions {
  /** Stores a transaction and gives this browser the cookie that opens it. */
  begin: (
    req: Request,
    res: Response,
    transaction: Transaction,
  ) => Promise<void>;
  /**
   * The transaction of this state, if this browser began it: exactly once.
   * Whoever comes with the same cookie while it goes on waits for what comes
   * of it.
   *
   * @param stateHash {@link hashOfState}
   * @throws {LoginKitError} `ERR_STORE_UNAVAILABLE`
   */
  find: (
    req: Request,
    res: Response,
    stateHash: string,
  ) => Promise<FoundTransaction>;
}

/**
 * Every transaction has a cookie of its own, so that any number of tabs of a
 * browser that had no cookie yet can begin at once: with a single cookie, the
 * last answer would overwrite the others.
 *
 * The record is found by the state and opened by the cookie's secret. Whoever
 * knows only the state learns which page was wanted, and cannot use up what is
 * not theirs.
 */
export function createTransactions({
  config,
  loginStore,
  now,
}: Ground): Transactions {
  const cookiePrefix = signInCookiePrefix(config.session.cookieName);
  const cookieOptions = signInCookieOptions(config);
  const lifetime = config.transactionTimeoutSeconds * 1000;
  const cookieName = (stateHash: string): string =>
    cookiePrefix + stateHash.slice(0, 10);

  const makeRoom = (req: Request, res: Response): void => {
    const pending = Object.entries(cookiesOf(req))
      // Ours only: an application may have others, and a client any.
      .filter(
        ([name]) =>
          name.startsWith(cookiePrefix) &&
          OWN_END.test(name.slice(cookiePrefix.length)),
      )
      .map(([name, value]) => ({ name, beganAt: readCookie(value).beganAt }))
      .sort((a, b) => b.beganAt - a.beganAt);
    const isOver = ({ beganAt }: { readonly beganAt: number }): boolean =>
      now() - beganAt >= lifetime;
    const open = pending.filter((one) => !isOver(one));
    const over = pending.filter(isOver);
    const room = MAX_PER_BROWSER - 1;
    const kept = [
      ...open.slice(0, room),
      ...over.slice(0, Math.min(MAX_UNANSWERED, room - open.length)),
    ];
    for (const one of pending) {
      if (kept.includes(one)) continue;
      // Its record is unreachable from now on and expires by itself.
      res.clearCookie(one.name, cookieOptions);
    }
  };

  const take = (
    stateHash: string,
    secret: string,
  ): Promise<TakenTransaction | undefined> =>
    loginStore.takeTransaction(stateHash, digest(secret), OUTCOME_SECONDS);

  /** Another request of the same browser goes on with it: its outcome is this one's too. */
  const awaitOutcome = async (
    req: Request,
    stateHash: string,
    secret: string,
    begun: TakenTransaction,
  ): Promise<TakenTransaction | undefined> => {
    const giveUpAt = performance.now() + longestSignIn(config);
    let found: TakenTransaction | undefined = begun;
    let pause = LOOK_AGAIN_MS.first;
    while (
      found?.outcome === "pending" &&
      performance.now() < giveUpAt &&
      !req.socket.destroyed
    ) {
      await sleep(pause);
      pause = Math.min(pause * 2, LOOK_AGAIN_MS.most);
      found = await take(stateHash, secret);
    }
    return found;
  };

  return {
    async begin(req, res, transaction) {
      makeRoom(req, res);
      const secret = randomBytes(32).toString("base64url");
      const stateHash = hashOfState(transaction.state.reveal());
      await loginStore.putTransaction(
        stateHash,
        digest(secret),
        transaction,
        config.transactionTimeoutSeconds,
      );
      const cookie = [now().toString(36), secret];
      const { returnTo } = transaction;
      const isRemembered =
        returnTo !== config.defaultReturnTo &&
        returnTo.length <= MAX_REMEMBERED_PAGE;
      if (isRemembered)
        cookie.push(Buffer.from(returnTo).toString("base64url"));
      res.cookie(cookieName(stateHash), cookie.join("."), {
        ...cookieOptions,
        maxAge: isRemembered
          ? Math.max(lifetime, PAGE_REMEMBERED_MS)
          : lifetime,
      });
    },
    async find(req, res, stateHash) {
      const name = cookieName(stateHash);
      const value = cookiesOf(req)[name];
      const { beganAt, secret, returnTo } = readCookie(value);
      const first = await take(stateHash, secret);
      const found =
        first === undefined
          ? undefined
          : await awaitOutcome(req, stateHash, secret, first);
      // Only now: had the store not answered, a reload could still succeed.
      const answered = (): void => {
        res.clearCookie(name, cookieOptions);
      };
      if (found?.transaction !== undefined) {
        answered();
        const keep = (outcome: Outcome): Promise<void> =>
          loginStore.keepOutcome(
            stateHash,
            digest(secret),
            outcomeText(outcome),
            OUTCOME_SECONDS,
          );
        return { kind: "taken", transaction: found.transaction, keep };
      }
      const { outcome } = found ?? {};
      if (
        found !== undefined &&
        outcome !== undefined &&
        outcome !== "pending"
      ) {
        answered();
        const { returnTo } = found;
        return { kind: "answered", outcome: outcomeOf(outcome), returnTo };
      }
      return {
        kind: "gone",
        failure:
          value === undefined
            ? noCookieError(name, req, config)
            : goneError(now() - beganAt, config),
        isOfAnother: found !== undefined,
        returnTo: found?.returnTo ?? returnTo,
      };
    },
  };
}

/** How long a sign-in takes at the most, in milliseconds: keys, tokens, UserInfo, and the store. */
function longestSignIn({
  providerTimeoutSeconds,
  storeTimeoutSeconds,
}: Config): number {
  return (3 * providerTimeoutSeconds + storeTimeoutSeconds) * 1000;
}

function noCookieError(
  name: string,
  req: Request,
  config: Config,
): LoginKitError {
  return new LoginKitError("ERR_TRANSACTION_NOT_FOUND", {
    message: `the cookie of this login (${name}) did not come along; ${requestFacts(req, config, () => `others did: the login was answered before (a reload, the back button), begun more than ${String(config.transactionTimeoutSeconds)} seconds ago, or in another browser`)}`,
  });
}

function goneError(
  age: number,
  { transactionTimeoutSeconds, redis, store }: Config,
): LoginKitError {
  const seconds = Math.round(age / 1000);
  if (seconds >= transactionTimeoutSeconds) {
    return new LoginKitError("ERR_TRANSACTION_EXPIRED", {
      message: `this login was begun ${String(seconds)} seconds ago; transactionTimeoutSeconds is ${String(transactionTimeoutSeconds)}`,
    });
  }
  return new LoginKitError("ERR_TRANSACTION_USED", {
    message: `this login was begun ${String(seconds)} seconds ago and its record is not in the store: it was answered before (a reload, the back button, a second tab)${
      redis === undefined && store === undefined
        ? ", or another process began it, or this one has restarted: the embedded store is not shared"
        : ", or it was begun with another Redis, redisKeyPrefix, issuer or clientId"
    }`,
  });
}

/** What the cookie of a sign-in says. The browser may have altered it. */
interface SignInCookie {
  /** It only explains. */
  readonly beganAt: number;
  readonly secret: string;
  /** The page that was wanted. */
  readonly returnTo: string | undefined;
}

function readCookie(value = ""): SignInCookie {
  const [beganAt = "", secret = "", page = ""] = value.split(".");
  const time = parseInt(beganAt, 36);
  return {
    beganAt: Number.isNaN(time) ? 0 : time,
    secret,
    returnTo: localPath(Buffer.from(page, "base64url").toString()),
  };
}

function cookiesOf(req: Request): Record<string, string | undefined> {
  return parse(req.headers.cookie ?? "");
}

function digest(value: string): string {
  return createHash("sha256").update(value).digest("base64url");
}
