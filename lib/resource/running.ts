/** Keeps one login from taking all connections to a resource server. */
import type { ResourceServer } from "../config/config.js";
import { LoginKitError } from "../base/errors.js";

/** What is on its way, by login and server. */
export interface Running {
  /**
   * Counts one more; call what it returns when that is done.
   *
   * @throws {LoginKitError} `ERR_TOO_MANY_REQUESTS`
   */
  begin: (server: ResourceServer, loginId: string) => () => void;
}

/** Creates the counts of this process. */
export function createRunning(): Running {
  const counts = new Map<string, number>();
  return {
    begin({ name, maxRequestsPerLogin }, loginId) {
      const key = `${name} ${loginId}`;
      const count = counts.get(key) ?? 0;
      if (count >= maxRequestsPerLogin) {
        throw new LoginKitError("ERR_TOO_MANY_REQUESTS", {
          message: `one login has ${String(count)} requests to ${name} at the same time`,
          headers: { "Retry-After": "1" },
        });
      }
      counts.set(key, count + 1);
      return () => {
        const left = (counts.get(key) ?? 1) - 1;
        if (left === 0) counts.delete(key);
        else counts.set(key, left);
      };
    },
  };
}
