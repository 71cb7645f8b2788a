/** Opened token sets of the logins in use, so that a forwarded request need not read and decrypt them again. */
import { BoundedMap } from "../base/bounded-map.js";
import type { StoredTokenSet } from "./records.js";

/** How long a revision that was read with the login counts as the present one. */
const RECENT_MS = 50;

/** How long tokens are kept open for a login that is not seen again. */
const KEPT_MS = 60_000;

/** For how many logins; the one that was opened first makes room. */
const MAX_LOGINS = 10_000;

interface Opened {
  readonly stored: StoredTokenSet;
  revision: number;
  seenAt: number;
}

/** What this process knows of tokens without asking the store. */
export interface RecentTokens {
  /** The login was just read, with this revision of its tokens. */
  readonly noteRevision: (id: string, revision: number) => void;
  /** These tokens were just read and opened. */
  readonly keep: (id: string, stored: StoredTokenSet) => void;
  /** The tokens, if they are those of a reading of the login in this moment. */
  readonly get: (id: string) => StoredTokenSet | undefined;
  readonly forget: (id: string) => void;
}

/** A revision never changes its content, so what was opened once is what the store holds. */
export function createRecentTokens(): RecentTokens {
  const logins = new BoundedMap<Opened>(MAX_LOGINS);
  let sweptAt = performance.now();

  const sweep = (time: number): void => {
    if (time - sweptAt < KEPT_MS) return;
    sweptAt = time;
    for (const [id, { seenAt }] of logins) {
      if (time - seenAt >= KEPT_MS) logins.delete(id);
    }
  };
  return {
    noteRevision(id, revision) {
      const login = logins.get(id);
      if (login === undefined) return;
      login.revision = revision;
      login.seenAt = performance.now();
    },
    keep(id, stored) {
      const seenAt = performance.now();
      logins.set(id, { stored, revision: stored.revision, seenAt });
      sweep(seenAt);
    },
    get(id) {
      const login = logins.get(id);
      return login !== undefined &&
        login.revision === login.stored.revision &&
        performance.now() - login.seenAt < RECENT_MS
        ? login.stored
        : undefined;
    },
    forget(id) {
      logins.delete(id);
    },
  };
}
