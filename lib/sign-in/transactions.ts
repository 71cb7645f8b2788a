/** A login in progress, bound to this browser, one per state. */
import { createHash, randomBytes } from "node:crypto";
import type { Request, Response } from "express";
import type { Config } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import type { TakenTransaction, Transaction } from "../stores/login-store.js";
import { lookUntil } from "../stores/look-until.js";
import { Secret } from "../base/secret.js";
import { requestFacts } from "../http/request-facts.js";
import { outcomeOf, outcomeText, type Outcome } from "./outcome.js";
import { witness } from "../telling/witness.js";
import { stateHashOf } from "./state.js";
import { createTransactionCookies } from "./transaction-cookies.js";

/** How long the browser that began a sign-in can ask what came of it, in seconds. */
const OUTCOME_SECONDS = 60;

/** How often a request looks whether another one is done. */
const LOOK_AGAIN = { firstMs: 20, mostMs: 250 };

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
      /** The page that was wanted, where something still tells it. Unverified. */
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
   * A request with the same cookie that comes while it goes on waits for the
   * outcome.
   *
   * @param stateHash `hashOfState` of it
   * @param providerSeconds how long one answer of the provider may take
   * @throws {LoginKitError} `ERR_STORE_UNAVAILABLE`
   */
  find: (
    req: Request,
    res: Response,
    stateHash: string,
    providerSeconds: number,
  ) => Promise<FoundTransaction>;
}

/**
 * Every transaction has a cookie of its own, so that any number of tabs of a
 * browser that had no cookie yet can begin at once: with a single cookie, the
 * last answer would overwrite the others.
 *
 * The record is found by the state and opened by the cookie's secret. A browser
 * that knows only the state learns which page was wanted, and cannot use the
 * record up.
 */
export function createTransactions(ground: Ground): Transactions {
  const { config, loginStore, now } = ground;
  const cookies = createTransactionCookies(config, now);
  const take = (
    stateHash: string,
    secret: string,
  ): Promise<TakenTransaction | undefined> =>
    loginStore.takeTransaction(stateHash, digest(secret), OUTCOME_SECONDS);

  return {
    async begin(req, res, transaction) {
      cookies.makeRoom(req, res);
      const secret = randomBytes(32).toString("base64url");
      const stateHash = stateHashOf(transaction);
      await loginStore.putTransaction(
        stateHash,
        digest(secret),
        transaction,
        config.transactionTimeoutSeconds,
      );
      cookies.set(res, stateHash, secret, transaction.returnTo);
      witness()?.belongsTo(stateHash);
    },
    async find(req, res, stateHash, providerSeconds) {
      const cookie = cookies.read(req, stateHash);
      const { secret } = cookie;
      // While another request of this browser goes on with it, its outcome is
      // this one's too.
      const found = await lookUntil(
        () => take(stateHash, secret),
        (seen) => seen?.outcome !== "pending" || req.socket.destroyed,
        {
          withinMs: longestSignInMs(providerSeconds, config),
          ...LOOK_AGAIN,
        },
      );
      // Only now: if the store had not answered, a reload could still succeed.
      if (found?.transaction !== undefined) {
        cookies.clear(res, stateHash);
        const keep = (outcome: Outcome): Promise<void> =>
          loginStore.keepOutcome(
            stateHash,
            digest(secret),
            outcomeText(outcome, new Secret(secret)),
            OUTCOME_SECONDS,
          );
        return { kind: "taken", transaction: found.transaction, keep };
      }
      const { outcome } = found ?? {};
      if (found !== undefined && outcome instanceof Secret) {
        cookies.clear(res, stateHash);
        const { returnTo } = found;
        return {
          kind: "answered",
          outcome: outcomeOf(outcome, new Secret(secret)),
          returnTo,
        };
      }
      return {
        kind: "gone",
        failure: cookie.isThere
          ? goneError(now() - cookie.beganAt, config)
          : noCookieError(cookie.name, req, config),
        isOfAnother: found !== undefined,
        returnTo: found?.returnTo ?? cookie.returnTo,
      };
    },
  };
}

/** The longest time that a sign-in takes, in milliseconds: keys, tokens, UserInfo, the application, and the store. */
function longestSignInMs(
  providerSeconds: number,
  { onLogin, hookTimeoutSeconds, storeTimeoutSeconds }: Config,
): number {
  const hookSeconds = onLogin === undefined ? 0 : hookTimeoutSeconds;
  return (3 * providerSeconds + hookSeconds + storeTimeoutSeconds) * 1000;
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
        : ", or it was begun with another Redis, redisKeyPrefix, session.secret, issuer or clientId"
    }`,
  });
}

function digest(value: string): string {
  return createHash("sha256").update(value).digest("base64url");
}
