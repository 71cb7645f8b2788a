/** What happened to each login, as the kit's events tell it: for the pages. */
import type { LoginKit } from "express-login-kit";

/** One thing that happened. */
export interface ActivityEntry {
  readonly at: Date;
  /** The event's name, such as `token.refreshed`. */
  readonly event: string;
}

export interface Activity {
  /** What happened to this login in this process, oldest first. */
  readonly of: (loginId: string) => readonly ActivityEntry[];
}

const MAX_ENTRIES = 20;

/** Remembers what happened to each login, for its page; the log is another listener. */
export function recordActivity(events: LoginKit["events"]): Activity {
  const entries = new Map<string, ActivityEntry[]>();

  function record(event: string, loginId: string): void {
    const before = entries.get(loginId) ?? [];
    const entry = { at: new Date(), event };
    entries.set(loginId, [...before, entry].slice(-MAX_ENTRIES));
  }

  events.on("login.succeeded", ({ loginId }) => {
    record("login.succeeded", loginId);
  });
  events.on("token.refreshed", ({ loginId }) => {
    record("token.refreshed", loginId);
  });
  events.on("token.refresh_failed", ({ loginId, code }) => {
    record(`token.refresh_failed ${code}`, loginId);
  });
  events.on("login.ended", ({ loginId }) => {
    entries.delete(loginId);
  });

  return { of: (loginId) => entries.get(loginId) ?? [] };
}
