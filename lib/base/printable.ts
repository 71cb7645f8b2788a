/** Text of others in our own messages. */

/** Without control characters (log injection), and bounded to 200 characters. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}

/** Longest text of an event's field, in characters. */
const MAX_LINE = 1000;

/** Without what could end a line or steer a terminal (log injection), and bounded to 1000 characters. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?").slice(0, MAX_LINE);
}
