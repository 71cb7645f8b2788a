/** The login that a request's session was just read with, so that a guard right behind it need not read it again. */
import type { LoginRecord } from "../stores/login-store.js";

interface JustRead {
  readonly id: string;
  readonly record: LoginRecord;
}

const justRead = new WeakMap<object, JustRead>();

/**
 * Notes a login that was read for this request. It counts for as long as
 * nothing else can run: whatever waits, even for a moment, reads again.
 */
export function noteJustRead(req: object, login: JustRead): void {
  justRead.set(req, login);
  queueMicrotask(() => justRead.delete(req));
}

/** The record of this login, if it was just read for this request. */
export function justReadFor(req: object, id: string): LoginRecord | undefined {
  const login = justRead.get(req);
  return login?.id === id ? login.record : undefined;
}
