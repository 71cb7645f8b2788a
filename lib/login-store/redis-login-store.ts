/** The login store in Redis: keys, lifetimes and scripts. */
import { Secret } from "../secret.js";
import type {
  AccessToken,
  LoginRecord,
  LoginStore,
  ReplaceOutcome,
  TokenSet,
  Transaction,
} from "./login-store.js";
import { askRedis, type RedisClient } from "./redis-command.js";
import type { SealedBox } from "./sealed-box.js";

/** Written into every login record; raise it when its shape changes. */
const RECORD_VERSION = 1;

// RESP3's blob string, which node-redis can be told to give out as a Buffer.
const BLOB_STRING = 36;

// A login is one hash. `i` (who) and `s` (last seen) are all that a guard
// reads; `t` (sealed tokens) with its revision `r` is opened only when a token
// is needed. Redis' own expiry is garbage collection: the kit checks the times.
const CREATE = `redis.call('HSET', KEYS[1], 'i', ARGV[1], 's', ARGV[2], 'r', 1, 't', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`;

// A write that names an old revision changes nothing, and one that finds no
// login must not create half of one.
const REPLACE_TOKENS = `local revision = redis.call('HGET', KEYS[1], 'r')
if not revision then return 'ended' end
if revision ~= ARGV[1] then return 'conflict' end
redis.call('HSET', KEYS[1], 'r', revision + 1, 't', ARGV[2])
return 'stored'`;

const RECORD_USE = `if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 's', ARGV[1]) end
return 1`;

/** What the Redis login store is built from. */
export interface RedisLoginStoreDeps {
  readonly client: RedisClient;
  readonly sealedBox: SealedBox;
  readonly keyPrefix: string;
  /** How long a command may take, in seconds. */
  readonly timeoutSeconds: number;
}

/** Creates the login store for one server, Sentinel or Cluster. */
export function createRedisLoginStore({
  client,
  sealedBox,
  keyPrefix,
  timeoutSeconds,
}: RedisLoginStoreDeps): LoginStore {
  const binary = client.withTypeMapping({
    [BLOB_STRING]: Buffer,
  }) as RedisClient;

  const ask = (command: () => Promise<unknown>): Promise<unknown> =>
    askRedis(command, timeoutSeconds);

  // Braces make everything of one login share a Cluster slot.
  const loginKey = (id: string): string => `${keyPrefix}{${id}}:login`;
  const transactionKey = (key: string): string =>
    `${keyPrefix}transaction:${key}`;
  const responseKey = (key: string): string => `${keyPrefix}response:${key}`;

  const putSealed = async (
    key: string,
    value: string,
    seconds: number,
  ): Promise<void> => {
    await ask(() =>
      client.set(key, sealedBox.seal(value, key), {
        expiration: { type: "EX", value: Math.ceil(seconds) },
      }),
    );
  };
  const takeSealed = async (key: string): Promise<string | undefined> => {
    const sealed = await ask(() => binary.getDel(key));
    return Buffer.isBuffer(sealed) ? sealedBox.open(sealed, key) : undefined;
  };

  return {
    putTransaction: (key, transaction, seconds) =>
      putSealed(
        transactionKey(key),
        JSON.stringify(plainTransaction(transaction)),
        seconds,
      ),
    async takeTransaction(key) {
      const plain = await takeSealed(transactionKey(key));
      return plain === undefined
        ? undefined
        : toTransaction(JSON.parse(plain) as PlainTransaction);
    },
    parkResponse: (key, response, seconds) =>
      putSealed(responseKey(key), response.reveal(), seconds),
    async takeResponse(key) {
      const plain = await takeSealed(responseKey(key));
      return plain === undefined ? undefined : new Secret(plain);
    },
    async createLogin(id, login, tokens) {
      const key = loginKey(id);
      const { seenAt, ...unchanging } = login;
      await ask(() =>
        client.eval(CREATE, {
          keys: [key],
          arguments: [
            JSON.stringify({ version: RECORD_VERSION, ...unchanging }),
            String(seenAt),
            sealTokens(sealedBox, tokens, key),
            // A span and not a time: Redis may have another clock.
            String(Math.ceil(login.endsAt - login.createdAt)),
          ],
        }),
      );
    },
    async readLogin(id) {
      const reply = await ask(() => client.hmGet(loginKey(id), ["i", "s"]));
      const [unchanging, seenAt] = reply as (string | null)[];
      if (typeof unchanging !== "string") return undefined;
      return toLoginRecord(unchanging, Number(seenAt));
    },
    async readTokens(id) {
      const key = loginKey(id);
      const reply = await ask(() => binary.hmGet(key, ["r", "t"]));
      const [revision, sealed] = reply as (Buffer | null)[];
      if (!Buffer.isBuffer(revision) || !Buffer.isBuffer(sealed)) {
        return undefined;
      }
      const plain = sealedBox.open(sealed, key);
      if (plain === undefined) return undefined;
      return {
        revision: Number(revision.toString()),
        tokens: toTokenSet(JSON.parse(plain) as PlainTokenSet),
      };
    },
    async replaceTokens(id, expectedRevision, tokens) {
      const key = loginKey(id);
      const outcome = await ask(() =>
        client.eval(REPLACE_TOKENS, {
          keys: [key],
          arguments: [
            String(expectedRevision),
            sealTokens(sealedBox, tokens, key),
          ],
        }),
      );
      return outcome as ReplaceOutcome;
    },
    async recordUse(id, seenAt) {
      await ask(() =>
        client.eval(RECORD_USE, {
          keys: [loginKey(id)],
          arguments: [String(seenAt)],
        }),
      );
    },
    async endLogin(id) {
      return (await ask(() => client.del([loginKey(id)]))) === 1;
    },
    async ping() {
      // A real read: PING and isReady say yes while Redis still loads its data.
      await ask(() => client.get(`${keyPrefix}ping`));
    },
  };
}

type PlainTransaction = Omit<Transaction, "codeVerifier" | "nonce"> & {
  readonly codeVerifier: string;
  readonly nonce: string;
};

function plainTransaction(transaction: Transaction): PlainTransaction {
  return {
    ...transaction,
    codeVerifier: transaction.codeVerifier.reveal(),
    nonce: transaction.nonce.reveal(),
  };
}

function toTransaction(plain: PlainTransaction): Transaction {
  return {
    ...plain,
    maxAgeSeconds: plain.maxAgeSeconds,
    codeVerifier: new Secret(plain.codeVerifier),
    nonce: new Secret(plain.nonce),
  };
}

interface PlainTokenSet {
  readonly idToken: string;
  readonly refreshToken?: string;
  readonly accessTokens: Record<
    string,
    {
      value: string;
      receivedAt: number;
      expiresAt?: number;
      scope?: string;
    }
  >;
}

function sealTokens(box: SealedBox, tokens: TokenSet, key: string): Buffer {
  const plain = {
    idToken: tokens.idToken.reveal(),
    refreshToken: tokens.refreshToken?.reveal(),
    accessTokens: Object.fromEntries(
      Object.entries(tokens.accessTokens).map(([resource, token]) => [
        resource,
        { ...token, value: token.value.reveal() },
      ]),
    ),
  };
  return box.seal(JSON.stringify(plain), key);
}

function toTokenSet(plain: PlainTokenSet): TokenSet {
  return {
    idToken: new Secret(plain.idToken),
    refreshToken:
      plain.refreshToken === undefined
        ? undefined
        : new Secret(plain.refreshToken),
    accessTokens: Object.fromEntries(
      Object.entries(plain.accessTokens).map(
        ([resource, token]): [string, AccessToken] => [
          resource,
          {
            value: new Secret(token.value),
            receivedAt: token.receivedAt,
            expiresAt: token.expiresAt,
            scope: token.scope,
          },
        ],
      ),
    ),
  };
}

/** A record of another version, or a damaged one, is no login: a deployment signs out rather than fails. */
function toLoginRecord(
  unchanging: string,
  seenAt: number,
): LoginRecord | undefined {
  let record: (Omit<LoginRecord, "seenAt"> & { version: number }) | null;
  try {
    record = JSON.parse(unchanging) as typeof record;
  } catch {
    return undefined;
  }
  if (record?.version !== RECORD_VERSION) return undefined;
  const { identity, createdAt, endsAt } = record;
  return {
    identity: {
      ...identity,
      // JSON leaves undefined members out.
      providerSessionId: identity.providerSessionId,
      acr: identity.acr,
    },
    createdAt,
    endsAt,
    seenAt,
  };
}
