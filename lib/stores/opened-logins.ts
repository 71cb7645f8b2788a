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
  /** JSON and not an object: a request that alters its claims alters them for no other. */
  readonly text: string;
  readonly seenAt: number | undefined;
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

  const textOf = (
    key: string,
    sealed: SealedLogin,
  ): OpenedLogin | undefined => {
    const known = opened.get(key);
    const isSame = known?.unchanging.equals(sealed.unchanging) === true;
    if (isSame && known.seen.equals(sealed.seen)) return known;
    const text = isSame ? known.text : sealedBox.open(sealed.unchanging, key);
    if (text === undefined) return undefined;
    const seenAt = openSeen(key, sealed.seen);
    if (Number.isNaN(seenAt)) return undefined;
    const login = { ...sealed, text, seenAt };
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
      const login = textOf(key, sealed);
      return login && toLoginRecord(login.text, login.seenAt);
    },
  };
}

function placeOfSeen(key: string): string {
  return `${key} seen`;
}
