/** The opened records of the logins in use, so that a guarded request need not decrypt one again. */
import { BoundedMap } from "../base/bounded-map.js";
import { compress, decompress } from "./compressed-words.js";
import { frozenJson } from "../base/plain-json.js";
import { plainLoginRecord, toLoginRecord } from "./plain-records.js";
import type { LoginRecord } from "./records.js";
import type { SealedBox } from "./sealed-box.js";

/** A record is never longer, in bytes: damage cannot make us allocate more. */
const MAX_RECORD_BYTES = 4 * 1024 * 1024;

/** How many logins are remembered. */
const MAX_LOGINS = 10_000;

/** A login record as it is stored: what changes with renewed claims alone, and when it was last used. */
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
  /** Frozen, because all requests get the same. Undefined: damaged, not sealed for this key, or of another version. */
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
    const bytes = sealedBox.openBytes(sealed.unchanging, key);
    if (bytes === undefined || Number.isNaN(seenAt)) return undefined;
    const record = toLoginRecord(decompress(bytes, MAX_RECORD_BYTES), seenAt);
    if (record === undefined) return undefined;
    // Copies: what a client hands out may be a part of much more.
    const login = {
      unchanging: Buffer.from(sealed.unchanging),
      seen: Buffer.from(sealed.seen),
      record: frozenJson(record),
    };
    opened.set(key, login);
    return login;
  };

  return {
    seal: (key, record) => ({
      // There is no secret in it, so its length may tell of it.
      unchanging: sealedBox.seal(
        compress(JSON.stringify(plainLoginRecord(record))),
        key,
      ),
      seen:
        record.seenAt === undefined
          ? Buffer.alloc(0)
          : sealSeen(key, record.seenAt),
    }),
    sealSeen,
    open: (key, sealed) => openedAs(key, sealed)?.record,
  };
}

function placeOfSeen(key: string): string {
  return `${key} seen`;
}
