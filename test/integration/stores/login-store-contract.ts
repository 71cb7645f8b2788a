/** What every login store has to do: one suite for all of them. */
import { itRenewsClaims } from "./contract/claims.js";
import { itKeepsGroups } from "./contract/groups.js";
import { itKeepsLogins } from "./contract/logins.js";
import { itKeepsSignIns } from "./contract/sign-ins.js";
import type { StoreUnderTest } from "./contract/subjects.js";
import { itKeepsTokens } from "./contract/tokens.js";
import { itTellsOfEnds } from "./contract/watchers.js";

/** Runs the suite; `open` is called before the first test of each part. */
export function itIsALoginStore(open: () => Promise<StoreUnderTest>): void {
  itKeepsSignIns(open);
  itKeepsLogins(open);
  itKeepsTokens(open);
  itRenewsClaims(open);
  itKeepsGroups(open);
  itTellsOfEnds(open);
}
