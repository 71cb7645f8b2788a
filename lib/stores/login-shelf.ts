/** What the logins in one store share. */
import type { StoreDriver } from "./driver.js";
import type { OpenedLogins } from "./opened-logins.js";
import type { RecentTokens } from "./recent-tokens.js";
import type { StoredGroups } from "./stored-groups.js";
import type { TokenBox } from "./token-box.js";

// A login is one record. `i` (who, sealed), `s` (last seen, sealed) and `r` (the
// revision of its tokens) are all that a guard reads; `t` (sealed tokens) is
// opened only when a token is needed. `c` (when the claims were renewed) is for
// whoever renews them. The store's own lifetimes are garbage
// collection: the kit checks the times. A command that is carried out late
// changes nothing that has gone on meanwhile.
/** Where they are kept, and what this process knows of them. */
export interface LoginShelf {
  readonly driver: StoreDriver;
  readonly tokenBox: TokenBox;
  readonly keyPrefix: string;
  readonly opened: OpenedLogins;
  readonly recentTokens: RecentTokens;
  readonly groups: StoredGroups;
}
