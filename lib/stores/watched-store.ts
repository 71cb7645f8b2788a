/** A store whose answers are watched. */
import type { Watch } from "../base/watch.js";
import type { StoreDriver } from "./driver.js";
import type { SessionBackend } from "./session-backend.js";

/** The driver, each of whose answers is watched by the name of its method. */
export function watchedDriver(driver: StoreDriver, watch: Watch): StoreDriver {
  return {
    read: (key, fields) => watch("read", () => driver.read(key, fields)),
    decide: (cases) => watch("decide", () => driver.decide(cases)),
    enter: (group, entry) => watch("enter", () => driver.enter(group, entry)),
    leave: (group, member) => watch("leave", () => driver.leave(group, member)),
    members: (group) => watch("members", () => driver.members(group)),
    note: (group, numbers, lifetimeMs) =>
      watch("note", () => driver.note(group, numbers, lifetimeMs)),
    subscribe: (channel, subscriber) => driver.subscribe(channel, subscriber),
    isClosed: () => driver.isClosed?.() ?? false,
  };
}

/** Sessions that are kept beside a driver, and watched as its answers are. */
export function watchedSessions(
  sessions: SessionBackend,
  watch: Watch,
): SessionBackend {
  return {
    read: (key) => watch("session.read", () => sessions.read(key)),
    create: (key, session) =>
      watch("session.create", () => sessions.create(key, session)),
    update: (key, session) =>
      watch("session.update", () => sessions.update(key, session)),
    remove: (key) => watch("session.remove", () => sessions.remove(key)),
  };
}
