/** When a login ends. */
import type { Config } from "../config/config.js";
import { UNUSED_MS, type LoginRecord } from "../stores/login-store.js";

/** When a login ends if it is not used again: idle, never used or absolute, whichever comes first. Milliseconds since 1970. */
export function loginEnd(
  { createdAt, seenAt, endsAt }: LoginRecord,
  { session }: Config,
): number {
  const idle = session.idleTimeoutSeconds * 1000;
  const waitsUntil =
    seenAt === undefined
      ? createdAt + Math.min(UNUSED_MS, idle)
      : seenAt + idle;
  return Math.min(waitsUntil, endsAt);
}
