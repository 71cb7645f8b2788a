/** Sign-ins in progress, in the store: begun, taken once, and what came of them. */
import { Secret } from "../base/secret.js";
import type { StoreDriver } from "./driver.js";
import {
  plainTransaction,
  toTransaction,
  type PlainTransaction,
} from "./plain-records.js";
import type { TakenTransaction, Transaction } from "./records.js";
import type { SealedBox } from "./sealed-box.js";

/** What is asked of sign-ins in progress. */
export interface StoredTransactions {
  /**
   * Keeps a sign-in in progress.
   *
   * @param owner what the browser that began it proves itself with
   */
  readonly putTransaction: (
    key: string,
    owner: string,
    transaction: Transaction,
    seconds: number,
  ) => Promise<void>;
  /**
   * Hands a transaction out to its owner exactly once, however many ask at the
   * same time; the others learn what came of it.
   *
   * @param seconds how long its outcome is waited for
   */
  readonly takeTransaction: (
    key: string,
    owner: string,
    seconds: number,
  ) => Promise<TakenTransaction | undefined>;
  /** Keeps what came of a transaction that this owner has taken. */
  readonly keepOutcome: (
    key: string,
    owner: string,
    outcome: Secret,
    seconds: number,
  ) => Promise<void>;
}

/**
 * Creates them over a driver.
 *
 * A record has `o` (whose it is), `p` (the sealed page) and `t` (the sealed
 * transaction), which goes when it is taken. The outcome (`v`) is a record with
 * a lifetime of its own; while it is empty, somebody is at work. What only the
 * owner is told is sealed for this owner: whoever writes another name into the
 * record gets nothing that opens.
 */
export function createStoredTransactions(
  driver: StoreDriver,
  sealedBox: SealedBox,
  keyPrefix: string,
): StoredTransactions {
  return {
    async putTransaction(key, owner, transaction, seconds) {
      const { record, places } = namesOf(keyPrefix, key, owner);
      const plain = JSON.stringify(plainTransaction(transaction));
      const fields = {
        o: owner,
        p: sealedBox.seal(transaction.returnTo, places.page),
        t: sealedBox.seal(plain, places.transaction),
      };
      const lifetimeMs = Math.ceil(seconds * 1000);
      await driver.decide([
        { when: [], then: [{ set: record, fields, lifetimeMs }] },
      ]);
    },
    async takeTransaction(key, owner, seconds) {
      const { record, outcome, places } = namesOf(keyPrefix, key, owner);
      const open = (value: Buffer | undefined, place: string) =>
        value && sealedBox.open(value, place);
      const found = await take(driver, record, outcome, owner, seconds);
      // A damaged record, or one under another secret, is none.
      const returnTo = open(found.page, places.page);
      if (returnTo === undefined) return undefined;
      const plain = open(found.sealed, places.transaction);
      return {
        returnTo,
        transaction:
          plain === undefined
            ? undefined
            : toTransaction(JSON.parse(plain) as PlainTransaction),
        outcome:
          found.outcome?.length === 0
            ? "pending"
            : secretOf(open(found.outcome, places.outcome)),
      };
    },
    async keepOutcome(key, owner, outcome, seconds) {
      const names = namesOf(keyPrefix, key, owner);
      const sealed = sealedBox.seal(outcome.reveal(), names.places.outcome);
      await driver.decide([
        {
          when: [{ key: names.record, field: "o", isOneOf: [owner] }],
          then: [
            {
              set: names.outcome,
              fields: { v: sealed },
              lifetimeMs: Math.ceil(seconds * 1000),
            },
          ],
        },
      ]);
    },
  };
}

/** What is found where a sign-in was begun. */
interface Found {
  readonly page: Buffer | undefined;
  /** To its owner, the first time. */
  readonly sealed: Buffer | undefined;
  /** To its owner, afterwards. */
  readonly outcome: Buffer | undefined;
}

async function take(
  driver: StoreDriver,
  record: string,
  outcome: string,
  owner: string,
  seconds: number,
): Promise<Found> {
  const page = { key: record, field: "p" };
  const transaction = { key: record, field: "t" };
  const isOwn = { key: record, field: "o", isOneOf: [owner] };
  const { index, fields } = await driver.decide([
    {
      when: [isOwn, { ...transaction, isOneOf: [undefined] }],
      then: [],
      want: [page, { key: outcome, field: "v" }],
    },
    {
      when: [isOwn],
      // The outcome first: where the store is full, nothing has happened.
      then: [
        {
          set: outcome,
          fields: { v: "" },
          lifetimeMs: Math.ceil(seconds * 1000),
        },
        { unset: transaction },
      ],
      want: [page, transaction],
    },
    { when: [], then: [], want: [page] },
  ]);
  return {
    page: fields[0],
    sealed: index === 1 ? fields[1] : undefined,
    outcome: index === 0 ? fields[1] : undefined,
  };
}

/** The keys of a sign-in, which share a Cluster slot, and where its values are sealed for. */
function namesOf(keyPrefix: string, key: string, owner: string) {
  const record = `${keyPrefix}transaction:{${key}}`;
  const outcome = `${keyPrefix}outcome:{${key}}`;
  return {
    record,
    outcome,
    places: {
      page: `${record} page`,
      transaction: `${record} of ${owner}`,
      outcome: `${outcome} of ${owner}`,
    },
  };
}

function secretOf(plain: string | undefined): Secret | undefined {
  return plain === undefined ? undefined : new Secret(plain);
}
