/** Numbers that tell how tokens are kept alive. */

/** Counts since the process started; `kit.counters` shows them. */
export interface Counters {
  /** Refresh, exchange and client credentials requests that were sent. */
  tokenRequests: number;
  /** Waits for another process that was refreshing already. */
  tokenWaits: number;
  /** New tokens that came too late: another process had stored newer ones. */
  tokenConflicts: number;
}

/** All zero. */
export function createCounters(): Counters {
  return { tokenRequests: 0, tokenWaits: 0, tokenConflicts: 0 };
}
