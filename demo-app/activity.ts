/** What happened to each login, as the kit's events tell it: for the pages and the terminal. */
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

/** Listens to the kit's events. A real application would write them to its audit log. */
export function recordActivity(events: LoginKit["events"]): Activity {
  const entries = new Map<string, ActivityEntry[]>();

  function record(event: string, loginId: string, subject: string): void {
    console.log(`${event} ${subject} (login ${loginId})`);
    const before = entries.get(loginId) ?? [];
    const entry = { at: new Date(), event };
    entries.set(loginId, [...before, entry].slice(-MAX_ENTRIES));
  }

  events.on("login.succeeded", ({ loginId, subject }) => {
    record("login.succeeded", loginId, subject);
  });
  events.on("token.refreshed", ({ loginId, subject }) => {
    record("token.refreshed", loginId, subject);
  });
  events.on("token.refresh_failed", ({ loginId, subject, code }) => {
    record(`token.refresh_failed ${code}`, loginId, subject);
  });
  events.on("login.ended", ({ loginId, subject, reason }) => {
    record(`login.ended (${reason})`, loginId, subject);
    entries.delete(loginId);
  });
  events.on("logout.received", ({ channel, ended }) => {
    console.log(
      `logout.received by ${channel}-channel, logins ended: ${ended}`,
    );
  });
  events.on("login.failed", ({ code, oauthError }) => {
    console.log(`login.failed ${code} ${oauthError ?? ""}`.trimEnd());
  });
  events.on("request.refused", ({ code, method, path }) => {
    console.log(`request.refused ${code} ${method} ${path}`);
  });
  events.on("error", (error) => {
    console.error(`error ${error.message}`);
  });

  return { of: (loginId) => entries.get(loginId) ?? [] };
}
