/** The opened records of the logins in use, so that a guarded request need not decrypt one again. */
import { BoundedMap } from "../base/bounded-map.js";
import { plainLoginRecord, toLoginRecord } from "./plain-records.js";
import type { LoginRecord } from "./records.js";
import type { SealedBox } from "./sealed-box.js";

/** How many logins are remembered. */
const MAX_LOGINS = 10_000;

/** A login record as it is stored: what never changes, and when it was last used. */
export interface SealedLogin {
  readonly unchanging: Buffer;
  /** Empty: it was not used yet. */
  readonly seen: Buffer;
}

interface OpenedLogin extends SealedLogin {
  readonly record: LoginRecord;
}

/**
 * Seals and opens login records. Both parts open under the key of their login
 * only, so that whoever can write to the store cannot make one login another
 * one's, or longer.
 */
export interface OpenedLogins {
  readonly seal: (key: string, record: LoginRecord) => SealedLogin;
  readonly sealSeen: (key: string, seenAt: number) => Buffer;
  /** Undefined: damaged, not sealed for this key, or of another version. */
  readonly open: (key: string, sealed: SealedLogin) => LoginRecord | undefined;
}

/** Creates the place where they are opened. */
export function createOpenedLogins(sealedBox: SealedBox): OpenedLogins {
  const opened = new BoundedMap<OpenedLogin>(MAX_LOGINS);

  const sealSeen = (key: string, seenAt: number): Buffer =>
    sealedBox.seal(String(seenAt), placeOfSeen(key));

  const openSeen = (key: string, seen: Buffer): number | undefined => {
    if (seen.length === 0) return undefined;
    return Number(sealedBox.open(seen, placeOfSeen(key)) ?? NaN);
  };

  const openedAs = (
    key: string,
    sealed: SealedLogin,
  ): OpenedLogin | undefined => {
    const known = opened.get(key);
    const isSame =
      known?.unchanging.equals(sealed.unchanging) === true &&
      known.seen.equals(sealed.seen);
    if (isSame) return known;
    const seenAt = openSeen(key, sealed.seen);
    const text = sealedBox.open(sealed.unchanging, key);
    if (text === undefined || Number.isNaN(seenAt)) return undefined;
    const record = toLoginRecord(text, seenAt);
    if (record === undefined) return undefined;
    // Copies: what a client hands out may be a part of much more.
    const login = {
      unchanging: Buffer.from(sealed.unchanging),
      seen: Buffer.from(sealed.seen),
      record,
    };
    opened.set(key, login);
    return login;
  };

  return {
    seal: (key, record) => ({
      unchanging: sealedBox.seal(JSON.stringify(plainLoginRecord(record)), key),
      seen:
        record.seenAt === undefined
          ? Buffer.alloc(0)
          : sealSeen(key, record.seenAt),
    }),
    sealSeen,
    open(key, sealed) {
      const login = openedAs(key, sealed);
      return login && ownCopy(login.record);
    },
  };
}

/** A request that alters its claims alters them for no other. */
function ownCopy(record: LoginRecord): LoginRecord {
  const { identity } = record;
  return {
    ...record,
    identity: {
      ...identity,
      claims: copyOf(identity.claims),
      ...(identity.unverifiedUser && {
        unverifiedUser: copyOf(identity.unverifiedUser),
      }),
    },
  };
}

/** Of what JSON can hold. A spread copies `__proto__` as a member, as JSON.parse makes it. */
function copyOf<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as Value;
  const copy = { ...value } as Record<string, unknown>;
  for (const name of Object.keys(copy)) {
    const member = copy[name];
    if (typeof member === "object") copy[name] = copyOf(member);
  }
  return copy as Value;
}

function placeOfSeen(key: string): string {
  return `${key} seen`;
}
