/** Sign-ins in progress in Redis: begun, taken once, and what came of them. */
import { Secret } from "../../base/secret.js";
import type { LoginStore, TakenTransaction } from "../login-store.js";
import {
  plainTransaction,
  toTransaction,
  type PlainTransaction,
} from "../plain-records.js";
import type { SealedBox } from "../sealed-box.js";

// One hash: `o` (whose it is), `p` (the sealed page) and `t` (the sealed
// transaction), which goes when it is taken. The outcome has a lifetime of its
// own; while it is empty, somebody is at work.
const PUT = `redis.call('HSET', KEYS[1], 'o', ARGV[1], 'p', ARGV[2], 't', ARGV[3])
return redis.call('PEXPIRE', KEYS[1], ARGV[4])`;

// What is no such hash is no transaction. The outcome first: where Redis is
// full, nothing has happened.
const TAKE = `local kept = redis.pcall('HMGET', KEYS[1], 'o', 'p', 't')
if not kept[1] then return false end
if kept[1] ~= ARGV[1] then return {kept[2]} end
if not kept[3] then return {kept[2], false, redis.call('GET', KEYS[2])} end
redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
redis.call('HDEL', KEYS[1], 't')
return {kept[2], kept[3]}`;

const KEEP = `if redis.call('HGET', KEYS[1], 'o') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1`;

/** What these methods are built from. */
export interface RedisTransactionDeps {
  /** Runs a script; answers are binary. */
  readonly evaluate: (
    script: string,
    keys: string[],
    values: readonly (string | number | Buffer)[],
  ) => Promise<unknown>;
  readonly sealedBox: SealedBox;
  readonly keyPrefix: string;
}

/** The login store's methods for sign-ins in progress. */
export function createRedisTransactions({
  evaluate,
  sealedBox,
  keyPrefix,
}: RedisTransactionDeps): Pick<
  LoginStore,
  "putTransaction" | "takeTransaction" | "keepOutcome"
> {
  // Braces make both share a Cluster slot.
  const keysOf = (key: string): [string, string] => [
    `${keyPrefix}transaction:{${key}}`,
    `${keyPrefix}outcome:{${key}}`,
  ];

  return {
    async putTransaction(key, owner, transaction, seconds) {
      const [record, outcome] = keysOf(key);
      const plain = JSON.stringify(plainTransaction(transaction));
      await evaluate(
        PUT,
        [record, outcome],
        [
          owner,
          sealedBox.seal(transaction.returnTo, pagePlace(record)),
          sealedBox.seal(plain, record),
          Math.ceil(seconds * 1000),
        ],
      );
    },
    async takeTransaction(key, owner, seconds) {
      const [record, outcomeKey] = keysOf(key);
      const reply = await evaluate(
        TAKE,
        [record, outcomeKey],
        [owner, seconds * 1000],
      );
      if (!Array.isArray(reply)) return undefined;
      const [page, sealed, outcome] = reply as (Buffer | null | undefined)[];
      const open = (value: Buffer | null | undefined, place: string) =>
        Buffer.isBuffer(value) ? sealedBox.open(value, place) : undefined;
      const returnTo = open(page, pagePlace(record));
      // A damaged record, or one under another secret, is none.
      if (returnTo === undefined) return undefined;
      const plain = open(sealed, record);
      return {
        returnTo,
        transaction:
          plain === undefined
            ? undefined
            : toTransaction(JSON.parse(plain) as PlainTransaction),
        outcome: toOutcome(outcome, (value) => open(value, outcomeKey)),
      };
    },
    async keepOutcome(key, owner, outcome, seconds) {
      const [record, outcomeKey] = keysOf(key);
      const sealed = sealedBox.seal(outcome.reveal(), outcomeKey);
      await evaluate(
        KEEP,
        [record, outcomeKey],
        [owner, sealed, seconds * 1000],
      );
    },
  };
}

function pagePlace(record: string): string {
  return `${record} page`;
}

function toOutcome(
  sealed: Buffer | null | undefined,
  open: (sealed: Buffer) => string | undefined,
): TakenTransaction["outcome"] {
  if (!Buffer.isBuffer(sealed)) return undefined;
  if (sealed.length === 0) return "pending";
  const plain = open(sealed);
  return plain === undefined ? undefined : new Secret(plain);
}
