/** The login store in Redis: keys, lifetimes and scripts. */
import { randomUUID } from "node:crypto";
import { inParts } from "../../base/in-parts.js";
import { Secret } from "../../base/secret.js";
import { keepTrying } from "../keep-trying.js";
import { groupName, groupsOf, isOlderThan } from "../login-groups.js";
import {
  PENDING_MS,
  REMAINS_MS,
  UNUSED_MS,
  type EndedLogin,
  type LockOutcome,
  type LoginGroup,
  type LoginRecord,
  type LoginStore,
  type ReplaceOutcome,
  type TokenOrigin,
  type TokenSet,
} from "../login-store.js";
import {
  plainAccessToken,
  plainLoginRecord,
  plainTokenSet,
  toAccessToken,
  toLoginRecord,
  toTokenSet,
  type PlainAccessToken,
  type PlainTokenSet,
} from "../plain-records.js";
import { askRedis, isClosed, type RedisClient } from "./redis-command.js";
import { createRecentTokens } from "../recent-tokens.js";
import { createEndedChannel } from "./redis-ended-channel.js";
import { createRedisTransactions } from "./redis-transactions.js";
import type { SealedBox } from "../sealed-box.js";

// RESP3's blob string, which node-redis can be told to give out as a Buffer.
const BLOB_STRING = 36;

// A login is one hash. `i` (who), `s` (last seen) and `r` (the revision of its
// tokens) are all that a guard reads; `t` (sealed tokens) is opened only when a
// token is needed. Redis' own expiry is garbage collection: the kit checks the times.
// At revision 0 it is only prepared, and no login to whoever reads it. A command
// that is carried out late changes nothing that has gone on meanwhile.
const CREATE = `if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'i', ARGV[1], 's', ARGV[2], 'r', 0, 't', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`;

const ACTIVATE = `local revision = redis.call('HGET', KEYS[1], 'r')
if not revision then return 0 end
if revision == '0' then
  redis.call('HSET', KEYS[1], 'r', 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 1`;

// A write that names an old revision changes nothing, and one that finds no
// login must not create half of one.
// A writer that got no answer asks again, and finds its own name. With the old
// tokens goes the mark of whoever was spending them.
const REPLACE_TOKENS = `local stored = redis.call('HMGET', KEYS[1], 'r', 'w')
if not stored[1] then return 'ended' end
if stored[2] == ARGV[3] then return 'stored' end
if stored[1] ~= ARGV[1] then return 'conflict' end
redis.call('HSET', KEYS[1], 'r', stored[1] + 1, 'w', ARGV[3], 't', ARGV[2], 'o', '')
return 'stored'`;

// What a login was is told to the one who ended it, so that it ends once. It
// remains under another name for a while, with the ender's (`e`), who asks again
// where no answer came. RENAME works where Redis is full; an ACL may forbid it,
// and publishing: then nothing remains, and processes find out by looking. The
// refresh lock goes too.
const END = `local login = redis.call('HMGET', KEYS[1], 'i', 's', 't', 'r')
if not login[4] then
  local remains = redis.call('HMGET', KEYS[3], 'i', 's', 't', 'r', 'e')
  return remains[5] == ARGV[3] and remains
end
if ARGV[5] and ARGV[5] ~= login[4] then return false end
if redis.pcall('RENAME', KEYS[1], KEYS[3]).ok then
  redis.pcall('HSET', KEYS[3], 'e', ARGV[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.pcall('PUBLISH', ARGV[1], ARGV[2])
return login`;

// The score is the absolute end, so that use changes nothing here. What has
// ended by then is swept out, and the whole set goes with its last member.
const ENTER_GROUP = `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return redis.call('ZCARD', KEYS[1])`;

// A mark that comes late does not replace a newer one.
const REFUSE = `for i, field in ipairs({'at', 'issued'}) do
  local known = redis.call('HGET', KEYS[2], field)
  if not known or tonumber(known) < tonumber(ARGV[i]) then redis.call('HSET', KEYS[2], field, ARGV[i]) end
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return redis.call('ZRANGE', KEYS[1], 0, -1)`;

const LOGINS_OF = `return redis.call('ZRANGE', KEYS[1], 0, -1)`;
const LEAVE_GROUP = `return redis.call('ZREM', KEYS[1], ARGV[1])`;

// Redis may be away for longer than a lock lives. So the lock of a login, which
// its owner takes before it spends the refresh token, leaves its owner's name in
// the login too (`o`), until new tokens are stored or the owner is done. Who
// finds another's name there and no lock has to wait for its return. Where a lock
// belongs to no login, there is no hash, and no name.
const TAKE_LOCK = `local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder == 'paused' and 'paused' or 'held' end
local last = redis.call('HGET', KEYS[2], 'o') or ''
if last ~= '' and last ~= ARGV[1] and last ~= ARGV[3] then return {last} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSET', KEYS[2], 'o', ARGV[1]) end
return 'taken'`;

const KEEP_LOCK = `local holder = redis.call('GET', KEYS[1]) or redis.call('HGET', KEYS[2], 'o')
if holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const RELEASE_LOCK = `if redis.call('HGET', KEYS[2], 'o') == ARGV[1] then redis.call('HSET', KEYS[2], 'o', '') end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

const PAUSE_LOCK = `local holder = redis.call('GET', KEYS[1]) or redis.call('HGET', KEYS[2], 'o')
if redis.call('HGET', KEYS[2], 'o') == ARGV[1] then redis.call('HSET', KEYS[2], 'o', '') end
if holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'paused', 'PX', ARGV[2])
return 1`;

const RECORD_USE = `local revision = redis.call('HGET', KEYS[1], 'r')
if not revision or revision == '0' then return 0 end
redis.call('HSET', KEYS[1], 's', ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** The revision of a login that is only prepared. */
const PENDING = "0";

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
  const evaluate = (
    through: RedisClient,
    script: string,
    keys: string[],
    values: readonly (string | number | Buffer)[],
  ): Promise<unknown> =>
    ask(() =>
      through.eval(script, {
        keys,
        arguments: values.map((value) =>
          typeof value === "number" ? String(value) : value,
        ),
      }),
    );
  const run = (
    script: string,
    key: string,
    ...values: (string | number | Buffer)[]
  ): Promise<unknown> => evaluate(client, script, [key], values);
  const lockKey = (id: string): string => `${keyPrefix}{${id}}:lock`;
  const runOnLock = (
    script: string,
    id: string,
    ...values: (string | number)[]
  ): Promise<unknown> =>
    evaluate(client, script, [lockKey(id), loginKey(id)], values);
  const remainsKey = (id: string): string => `${keyPrefix}{${id}}:ended`;
  const groupKey = (group: LoginGroup): string =>
    `${keyPrefix}{${groupName(group)}}:logins`;
  const markKey = (group: LoginGroup): string =>
    `${keyPrefix}{${groupName(group)}}:logged-out`;
  const endedChannel = `${keyPrefix}ended`;
  const channel = createEndedChannel(client, endedChannel);
  const recentTokens = createRecentTokens();
  const responseKey = (key: string): string => `${keyPrefix}response:${key}`;

  const clientTokenKey = (name: string): string =>
    `${keyPrefix}client-token:${name}`;
  const sealTokens = (tokens: TokenSet, key: string): Buffer =>
    sealedBox.seal(JSON.stringify(plainTokenSet(tokens)), key);

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

  const openTokens = (sealed: Buffer, key: string): TokenSet | undefined => {
    const plain = sealedBox.open(sealed, key);
    return plain === undefined
      ? undefined
      : toTokenSet(JSON.parse(plain) as PlainTokenSet);
  };

  /** From the fields `i`, `s`, `t` and `r`. */
  const toEndedLogin = (
    id: string,
    [unchanging, seenAt, sealed, revision]: readonly (Buffer | null)[],
  ): EndedLogin | undefined => {
    const record = toLoginRecord(String(unchanging), toTime(String(seenAt)));
    if (record === undefined) return undefined;
    const tokens = Buffer.isBuffer(sealed)
      ? openTokens(sealed, loginKey(id))
      : undefined;
    return { id, record, tokens, revision: Number(String(revision)) };
  };

  const endLogin = async (
    id: string,
    ender: string = randomUUID(),
    revision?: number,
  ): Promise<EndedLogin | undefined> => {
    const reply = await evaluate(
      binary,
      END,
      [loginKey(id), lockKey(id), remainsKey(id)],
      [
        endedChannel,
        id,
        ender,
        REMAINS_MS,
        ...(revision === undefined ? [] : [revision]),
      ],
    );
    if (!Array.isArray(reply)) return undefined;
    recentTokens.forget(id);
    channel.tell(id);
    const ended = toEndedLogin(id, reply as (Buffer | null)[]);
    if (ended === undefined) return undefined;
    // The login is over. An entry that stays behind leads nowhere, and goes
    // when the login would have ended.
    await Promise.allSettled(
      groupsOf(ended.record.identity).map((group) =>
        run(LEAVE_GROUP, groupKey(group), id),
      ),
    );
    return ended;
  };

  /** Undefined: there is nothing. Without a record: no live login, or a damaged one. */
  const readFields = async (
    id: string,
  ): Promise<
    | {
        readonly revision: string | null;
        readonly record: LoginRecord | undefined;
      }
    | undefined
  > => {
    const fields = ["i", "s", "r"];
    const reply = await ask(() => client.hmGet(loginKey(id), fields));
    const [unchanging, seenAt, revision = null] = reply as (string | null)[];
    if (typeof unchanging !== "string") return undefined;
    const record =
      revision === PENDING
        ? undefined
        : toLoginRecord(unchanging, toTime(seenAt));
    return { revision, record };
  };

  const loginsOf = async (group: LoginGroup): Promise<readonly string[]> =>
    (await run(LOGINS_OF, groupKey(group))) as string[];

  /** Whether a logout came that these tokens are older than. */
  const isLoggedOut = async (
    { identity }: LoginRecord,
    origin: TokenOrigin,
  ): Promise<boolean> => {
    const marks = await Promise.all(
      groupsOf(identity).map(async (group) => {
        const reply = await ask(() =>
          client.hmGet(markKey(group), ["at", "issued"]),
        );
        const [at, issued] = reply as (string | null)[];
        if (typeof at !== "string") return false;
        const mark = { at: Number(at), issuedAt: Number(issued) };
        return isOlderThan(mark, group, origin, identity);
      }),
    );
    return marks.includes(true);
  };

  return {
    ...createRedisTransactions({
      evaluate: (script, keys, values) =>
        evaluate(binary, script, keys, values),
      sealedBox,
      keyPrefix,
    }),
    parkResponse: (key, response, seconds) =>
      putSealed(responseKey(key), response.reveal(), seconds),
    async takeResponse(key) {
      const plain = await takeSealed(responseKey(key));
      return plain === undefined ? undefined : new Secret(plain);
    },
    // Prepared, entered, then a look for a logout, then live. A logout leaves its
    // mark, looks for entries, and ends what they lead to. Whichever is later
    // sees the other. The entry comes after what it leads to, so that one that
    // leads nowhere can be forgotten.
    async createLogin(id, login, tokens) {
      const key = loginKey(id);
      await run(
        CREATE,
        key,
        JSON.stringify(plainLoginRecord(login)),
        login.seenAt ?? "",
        sealTokens(tokens, key),
        PENDING_MS,
      );
      const [count] = await Promise.all(
        groupsOf(login.identity).map((group) =>
          run(
            ENTER_GROUP,
            groupKey(group),
            id,
            login.endsAt,
            login.createdAt,
            lifetimeOf(login),
          ),
        ),
      );
      return Number(count);
    },
    async activateLogin(id, login, origin) {
      if (await isLoggedOut(login, origin)) {
        await endLogin(id);
        return false;
      }
      const lifetime = lifetimeOf(login);
      const kept =
        login.seenAt === undefined ? Math.min(UNUSED_MS, lifetime) : lifetime;
      return (await run(ACTIVATE, loginKey(id), kept)) === 1;
    },
    async readLogin(id) {
      const stored = await readFields(id);
      if (stored === undefined) return undefined;
      recentTokens.noteRevision(id, Number(stored.revision));
      return stored.record;
    },
    async readTokens(id) {
      const key = loginKey(id);
      const reply = await ask(() => binary.hmGet(key, ["r", "t"]));
      const [revision, sealed] = reply as (Buffer | null)[];
      if (!Buffer.isBuffer(revision) || !Buffer.isBuffer(sealed)) {
        return undefined;
      }
      if (revision.toString() === PENDING) return undefined;
      const tokens = openTokens(sealed, key);
      if (tokens === undefined) return undefined;
      const stored = { revision: Number(revision.toString()), tokens };
      recentTokens.keep(id, stored);
      return stored;
    },
    recentTokens: recentTokens.get,
    async replaceTokens(id, expectedRevision, tokens, stop) {
      const key = loginKey(id);
      const sealed = sealTokens(tokens, key);
      const writer = randomUUID();
      const outcome = await keepTrying(
        () => run(REPLACE_TOKENS, key, expectedRevision, sealed, writer),
        {
          milliseconds: KEEP_TOKENS_FOR,
          stop,
          isHopeless: () => isClosed(client),
        },
      );
      recentTokens.forget(id);
      return outcome as ReplaceOutcome;
    },
    async recordUse(id, seenAt, endsAt) {
      const left = Math.max(1, Math.ceil(endsAt - seenAt));
      await run(RECORD_USE, loginKey(id), seenAt, left);
    },
    endLogin: (id, ender) => endLogin(id, ender),
    endLoginAt: (id, revision, ender) => endLogin(id, ender, revision),
    async remainsOf(id) {
      const fields = ["i", "s", "t", "r"];
      const reply = await ask(() => binary.hmGet(remainsKey(id), fields));
      const [unchanging, ...rest] = reply as (Buffer | null)[];
      return Buffer.isBuffer(unchanging)
        ? toEndedLogin(id, [unchanging, ...rest])
        : undefined;
    },
    async listLogins(group) {
      const logins = await inParts(await loginsOf(group), async (id) => {
        const stored = await readFields(id);
        if (stored === undefined) await run(LEAVE_GROUP, groupKey(group), id);
        return stored?.record && { id, record: stored.record };
      });
      return logins.filter((login) => login !== undefined);
    },
    loginsOf,
    async refuseLogins(group, { at, issuedAt }, seconds) {
      const ids = await evaluate(
        client,
        REFUSE,
        [groupKey(group), markKey(group)],
        [at, issuedAt ?? 0, Math.ceil(seconds * 1000)],
      );
      return ids as string[];
    },
    watchEnds: channel.watch,
    putClientToken: (name, token, seconds) =>
      putSealed(
        clientTokenKey(name),
        JSON.stringify(plainAccessToken(token)),
        seconds,
      ),
    async readClientToken(name) {
      const key = clientTokenKey(name);
      const sealed = await ask(() => binary.get(key));
      const plain = Buffer.isBuffer(sealed)
        ? sealedBox.open(sealed, key)
        : undefined;
      return plain === undefined
        ? undefined
        : toAccessToken(JSON.parse(plain) as PlainAccessToken);
    },
    async takeLock(id, owner, milliseconds, gone = "") {
      const outcome = await runOnLock(TAKE_LOCK, id, owner, milliseconds, gone);
      return Array.isArray(outcome)
        ? { leftBy: String(outcome[0]) }
        : (outcome as LockOutcome);
    },
    async keepLock(id, owner, milliseconds) {
      return (await runOnLock(KEEP_LOCK, id, owner, milliseconds)) === 1;
    },
    async releaseLock(id, owner) {
      await runOnLock(RELEASE_LOCK, id, owner);
    },
    async pauseLock(id, owner, milliseconds) {
      await runOnLock(PAUSE_LOCK, id, owner, milliseconds);
    },
    async ping() {
      // A real read: PING and isReady say yes while Redis still loads its data.
      await ask(() => client.get(`${keyPrefix}ping`));
    },
  };
}

/** A span and not a time: Redis may have another clock. */
function lifetimeOf({ createdAt, endsAt }: LoginRecord): number {
  return Math.ceil(endsAt - createdAt);
}

function toTime(seenAt: string | null | undefined): number | undefined {
  return seenAt === "" ? undefined : Number(seenAt ?? NaN);
}

/** How long new tokens are held for a store that does not answer, in milliseconds. */
const KEEP_TOKENS_FOR = 10 * 60 * 1000;
