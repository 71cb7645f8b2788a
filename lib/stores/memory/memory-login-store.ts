/** The embedded login store: one process, for development. */
import { randomUUID } from "node:crypto";
import { expiringMap } from "../../base/expiring-map.js";
import type { Secret } from "../../base/secret.js";
import { groupName, groupsOf, isOlderThan } from "../login-groups.js";
import {
  PENDING_MS,
  REMAINS_MS,
  UNUSED_MS,
  type EndedLogin,
  type EndWatcher,
  type IssuedToken,
  type LoginGroup,
  type LoginRecord,
  type LoginStore,
  type LogoutMark,
  type TokenSet,
  type Transaction,
} from "../login-store.js";

/** What a lock holds while nobody may ask the provider. */
const PAUSED = "paused";

/** A sign-in that was begun. */
interface Begun {
  readonly owner: string;
  readonly transaction: Transaction;
  readonly isTaken?: boolean;
  readonly expiresAt: number;
}

interface Login {
  readonly record: LoginRecord;
  /** 0: it is only prepared. */
  readonly revision: number;
  readonly tokens: TokenSet;
  /** Who took the login's lock last, and has not given it back. */
  readonly lockedBy?: string | undefined;
  readonly keptUntil: number;
}

interface Remains {
  readonly ender: string;
  readonly login: EndedLogin;
}

/** Creates a store that forgets everything when the process ends. */
export function createMemoryLoginStore(now: () => number): LoginStore {
  const transactions = expiringMap<Begun>(now);
  const outcomes = expiringMap<Secret | "pending">(now);
  const responses = expiringMap<Secret>(now);
  const logins = expiringMap<Login>(now);
  const remains = expiringMap<Remains>(now);
  const clientTokens = expiringMap<IssuedToken>(now);
  const locks = expiringMap<string>(now);
  const groups = new Map<string, Set<string>>();
  const marks = expiringMap<LogoutMark>(now);
  const watchers = new Set<EndWatcher>();

  const membersOf = (group: LoginGroup): string[] => {
    const name = groupName(group);
    const members = [...(groups.get(name) ?? [])].flatMap((id) => {
      const login = logins.get(id);
      // Those that ended by time alone told nobody.
      return login === undefined ? [] : [{ id, endsAt: login.record.endsAt }];
    });
    members.sort((one, other) => one.endsAt - other.endsAt);
    const ids = members.map(({ id }) => id);
    if (ids.length === 0) groups.delete(name);
    else groups.set(name, new Set(ids));
    return ids;
  };
  const leaveGroups = ({ identity }: LoginRecord): void => {
    for (const group of groupsOf(identity)) membersOf(group);
  };
  const end = (id: string, ender: string): EndedLogin | undefined => {
    const login = logins.take(id);
    if (login === undefined) {
      const before = remains.get(id);
      return before?.ender === ender ? before.login : undefined;
    }
    const { record, tokens, revision } = login;
    const ended = { id, record, tokens, revision };
    remains.put(id, { ender, login: ended }, now() + REMAINS_MS);
    leaveGroups(record);
    for (const watcher of watchers) watcher.ended(id);
    return ended;
  };
  const change = (id: string, login: Login): void => {
    logins.put(id, login, login.keptUntil);
  };
  const liveOne = (id: string): Login | undefined => {
    const login = logins.get(id);
    return login === undefined || login.revision === 0 ? undefined : login;
  };
  const mark = (id: string, owner: string | undefined): void => {
    const login = logins.get(id);
    if (login !== undefined) change(id, { ...login, lockedBy: owner });
  };
  const unmark = (id: string, owner: string): void => {
    if (logins.get(id)?.lockedBy === owner) mark(id, undefined);
  };
  const holderOf = (id: string): string | undefined =>
    locks.get(id) ?? logins.get(id)?.lockedBy;

  // One process, one thread: what a method does without waiting is atomic.
  return {
    putTransaction(key, owner, transaction, seconds) {
      const expiresAt = now() + seconds * 1000;
      transactions.put(key, { owner, transaction, expiresAt }, expiresAt);
      return Promise.resolve();
    },
    takeTransaction(key, owner, seconds) {
      const begun = transactions.get(key);
      if (begun === undefined) return Promise.resolve(undefined);
      const { returnTo } = begun.transaction;
      const isFirst = begun.owner === owner && begun.isTaken !== true;
      if (isFirst) {
        transactions.put(key, { ...begun, isTaken: true }, begun.expiresAt);
        outcomes.put(key, "pending", now() + seconds * 1000);
      }
      return Promise.resolve({
        returnTo,
        transaction: isFirst ? begun.transaction : undefined,
        outcome:
          isFirst || begun.owner !== owner ? undefined : outcomes.get(key),
      });
    },
    keepOutcome(key, owner, outcome, seconds) {
      if (transactions.get(key)?.owner === owner) {
        outcomes.put(key, outcome, now() + seconds * 1000);
      }
      return Promise.resolve();
    },
    parkResponse(key, response, seconds) {
      responses.put(key, response, now() + seconds * 1000);
      return Promise.resolve();
    },
    takeResponse: (key) => Promise.resolve(responses.take(key)),
    createLogin(id, record, tokens) {
      const own = groupsOf(record.identity);
      const keptUntil = now() + PENDING_MS;
      change(id, { record, revision: 0, tokens, keptUntil });
      for (const group of own) {
        groups.set(groupName(group), new Set([...membersOf(group), id]));
      }
      return Promise.resolve(membersOf(own[0]).length);
    },
    activateLogin(id, { identity, seenAt, endsAt }, origin) {
      const login = logins.get(id);
      if (login === undefined) return Promise.resolve(false);
      const isLoggedOut = groupsOf(identity).some((group) => {
        const mark = marks.get(groupName(group));
        return mark !== undefined && isOlderThan(mark, group, origin, identity);
      });
      if (isLoggedOut) {
        end(id, randomUUID());
        return Promise.resolve(false);
      }
      if (login.revision === 0) {
        const unusedUntil = Math.min(now() + UNUSED_MS, endsAt);
        const keptUntil = seenAt === undefined ? unusedUntil : endsAt;
        change(id, { ...login, revision: 1, keptUntil });
      }
      return Promise.resolve(true);
    },
    readLogin: (id) => Promise.resolve(liveOne(id)?.record),
    readTokens: (id) => Promise.resolve(liveOne(id)),
    recentTokens: liveOne,
    replaceTokens(id, expectedRevision, tokens) {
      const login = logins.get(id);
      if (login === undefined) return Promise.resolve("ended");
      if (login.revision !== expectedRevision) {
        return Promise.resolve("conflict");
      }
      const { record, revision, keptUntil } = login;
      change(id, { record, revision: revision + 1, tokens, keptUntil });
      return Promise.resolve("stored");
    },
    recordUse(id, seenAt, endsAt) {
      const login = liveOne(id);
      if (login !== undefined) {
        const record = { ...login.record, seenAt };
        change(id, { ...login, record, keptUntil: endsAt });
      }
      return Promise.resolve();
    },
    endLogin: (id, ender = randomUUID()) => Promise.resolve(end(id, ender)),
    endLoginAt(id, revision, ender = randomUUID()) {
      const present = logins.get(id)?.revision ?? revision;
      return Promise.resolve(present === revision ? end(id, ender) : undefined);
    },
    remainsOf: (id) => Promise.resolve(remains.get(id)?.login),
    listLogins: (group) =>
      Promise.resolve(
        membersOf(group).flatMap((id) => {
          const login = liveOne(id);
          return login === undefined ? [] : [{ id, record: login.record }];
        }),
      ),
    loginsOf: (group) => Promise.resolve(membersOf(group)),
    refuseLogins(group, mark, seconds) {
      const name = groupName(group);
      const before = marks.get(name);
      const newest: LogoutMark = {
        at: Math.max(mark.at, before?.at ?? 0),
        issuedAt: Math.max(mark.issuedAt ?? 0, before?.issuedAt ?? 0),
      };
      marks.put(name, newest, now() + seconds * 1000);
      return Promise.resolve(membersOf(group));
    },
    watchEnds(watcher) {
      watchers.add(watcher);
      return () => {
        watchers.delete(watcher);
      };
    },
    putClientToken(name, token, seconds) {
      clientTokens.put(name, token, now() + seconds * 1000);
      return Promise.resolve();
    },
    readClientToken: (name) => Promise.resolve(clientTokens.get(name)),
    takeLock(id, owner, milliseconds, gone) {
      const holder = locks.get(id);
      if (holder !== undefined && holder !== owner) {
        return Promise.resolve(holder === PAUSED ? "paused" : "held");
      }
      const last = logins.get(id)?.lockedBy;
      if (last !== undefined && last !== owner && last !== gone) {
        return Promise.resolve({ leftBy: last });
      }
      locks.put(id, owner, now() + milliseconds);
      mark(id, owner);
      return Promise.resolve("taken");
    },
    keepLock(id, owner, milliseconds) {
      if (holderOf(id) !== owner) return Promise.resolve(false);
      locks.put(id, owner, now() + milliseconds);
      return Promise.resolve(true);
    },
    releaseLock(id, owner) {
      unmark(id, owner);
      if (locks.get(id) === owner) locks.take(id);
      return Promise.resolve();
    },
    pauseLock(id, owner, milliseconds) {
      const holder = holderOf(id);
      unmark(id, owner);
      if (holder === owner) locks.put(id, PAUSED, now() + milliseconds);
      return Promise.resolve();
    },
    ping: () => Promise.resolve(),
  };
}
