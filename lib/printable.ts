/** Text of others in our own messages. */

/** Without control characters (log injection), and bounded to 200 characters. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
