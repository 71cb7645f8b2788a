/** What the keys of one application in Redis begin with, so that kits that share a Redis do not meet. */
import { createHash } from "node:crypto";

/** Sixty bits: enough to tell applications apart, and keys stay short. */
const OWN_PART_LENGTH = 10;

/**
 * `redisKeyPrefix`, and a part of its own for each client of each issuer, or
 * for each address of an application that has several providers.
 *
 * Everything that the kit keeps has such a key: logins, locks, groups, marks,
 * sessions, sign-ins in progress, parked answers, tokens, and the channel. What
 * is sealed opens under its own key only, so it belongs to one application as well.
 * Processes with the same options share everything.
 */
export function keyPrefixOf(
  redisKeyPrefix: string,
  owner: readonly (string | undefined)[],
): string {
  const hash = createHash("sha256")
    .update(JSON.stringify(owner))
    .digest("base64url");
  return `${redisKeyPrefix}${hash.slice(0, OWN_PART_LENGTH)}:`;
}
