/** The embedded login store: one process, for development. */
import { expiringMap } from "../expiring-map.js";
import type { Secret } from "../secret.js";
import type {
  AccessToken,
  LoginRecord,
  LoginStore,
  TokenSet,
  Transaction,
} from "./login-store.js";

/** What a lock holds while nobody may ask the provider. */
const PAUSED = "paused";

interface Login {
  readonly record: LoginRecord;
  readonly revision: number;
  readonly tokens: TokenSet;
}

/** Creates a store that forgets everything when the process ends. */
export function createMemoryLoginStore(now: () => number): LoginStore {
  const transactions = expiringMap<Transaction>(now);
  const responses = expiringMap<Secret>(now);
  const logins = expiringMap<Login>(now);
  const clientTokens = expiringMap<AccessToken>(now);
  const locks = expiringMap<string>(now);

  const change = (id: string, login: Login): void => {
    logins.put(id, login, login.record.endsAt);
  };

  // One process, one thread: what a method does without waiting is atomic.
  return {
    putTransaction(key, transaction, seconds) {
      transactions.put(key, transaction, now() + seconds * 1000);
      return Promise.resolve();
    },
    takeTransaction: (key) => Promise.resolve(transactions.take(key)),
    parkResponse(key, response, seconds) {
      responses.put(key, response, now() + seconds * 1000);
      return Promise.resolve();
    },
    takeResponse: (key) => Promise.resolve(responses.take(key)),
    createLogin(id, record, tokens) {
      change(id, { record, revision: 1, tokens });
      return Promise.resolve();
    },
    readLogin: (id) => Promise.resolve(logins.get(id)?.record),
    readTokens: (id) => Promise.resolve(logins.get(id)),
    replaceTokens(id, expectedRevision, tokens) {
      const login = logins.get(id);
      if (login === undefined) return Promise.resolve("ended");
      if (login.revision !== expectedRevision) {
        return Promise.resolve("conflict");
      }
      change(id, { ...login, revision: login.revision + 1, tokens });
      return Promise.resolve("stored");
    },
    recordUse(id, seenAt) {
      const login = logins.get(id);
      if (login !== undefined) {
        change(id, { ...login, record: { ...login.record, seenAt } });
      }
      return Promise.resolve();
    },
    endLogin: (id) => Promise.resolve(logins.take(id) !== undefined),
    endLoginAt(id, revision) {
      const unchanged = logins.get(id)?.revision === revision;
      return Promise.resolve(unchanged && logins.take(id) !== undefined);
    },
    putClientToken(name, token, seconds) {
      clientTokens.put(name, token, now() + seconds * 1000);
      return Promise.resolve();
    },
    readClientToken: (name) => Promise.resolve(clientTokens.get(name)),
    takeLock(id, owner, milliseconds) {
      const holder = locks.get(id);
      if (holder !== undefined) {
        return Promise.resolve(holder === PAUSED ? "paused" : "held");
      }
      locks.put(id, owner, now() + milliseconds);
      return Promise.resolve("taken");
    },
    keepLock(id, owner, milliseconds) {
      if (locks.get(id) !== owner) return Promise.resolve(false);
      locks.put(id, owner, now() + milliseconds);
      return Promise.resolve(true);
    },
    releaseLock(id, owner) {
      if (locks.get(id) === owner) locks.take(id);
      return Promise.resolve();
    },
    pauseLock(id, owner, milliseconds) {
      if (locks.get(id) === owner) {
        locks.put(id, PAUSED, now() + milliseconds);
      }
      return Promise.resolve();
    },
    ping: () => Promise.resolve(),
  };
}
