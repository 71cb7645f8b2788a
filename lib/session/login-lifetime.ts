/** When a login ends. */
import type { Config } from "../config.js";
import type { LoginRecord } from "../login-store/login-store.js";

/** When a login ends if it is not used again: idle or absolute, whichever comes first. Milliseconds since 1970. */
export function loginEnd(
  { seenAt, endsAt }: LoginRecord,
  { session }: Config,
): number {
  return Math.min(seenAt + session.idleTimeoutSeconds * 1000, endsAt);
}
