/** Asks a store, and waits for a bounded time. */
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import type { StoreDriver } from "./driver.js";

/**
 * One answer, in time, or a store failure.
 *
 * @param name what the store is called in the message
 * @param explain adds to what the store's own error says
 */
export async function askStore<Answer>(
  name: string,
  command: () => Promise<Answer>,
  timeoutSeconds: number,
  explain: (message: string) => string = (message) => message,
): Promise<Answer> {
  try {
    return await withinDeadline(
      command(),
      timeoutSeconds * 1000,
      () => new Error(`no answer within ${String(timeoutSeconds)} s`),
    );
  } catch (error) {
    throw new LoginKitError("ERR_STORE_UNAVAILABLE", {
      message: `${name}: ${explain(error instanceof Error ? error.message : String(error))}`,
      cause: error,
    });
  }
}

/** A driver that an application has brought, every answer of which comes in time or is a store failure. */
export function answeringInTime(
  driver: StoreDriver,
  timeoutSeconds: number,
): StoreDriver {
  const ask = <Answer>(command: () => Promise<Answer>): Promise<Answer> =>
    askStore("store", command, timeoutSeconds);
  return {
    read: (key, fields) => ask(() => driver.read(key, fields)),
    decide: (cases) => ask(() => driver.decide(cases)),
    enter: (group, entry) => ask(() => driver.enter(group, entry)),
    leave: (group, member) => ask(() => driver.leave(group, member)),
    members: (group) => ask(() => driver.members(group)),
    note: (group, numbers, lifetimeMs) =>
      ask(() => driver.note(group, numbers, lifetimeMs)),
    subscribe: (channel, subscriber) => driver.subscribe(channel, subscriber),
    lifetimeMs: (key) => ask(async () => driver.lifetimeMs?.(key)),
    isClosed: () => driver.isClosed?.() ?? false,
  };
}
