/** Writes the kit's events into the application's log, one line each (ASVS 16.2, 16.3). */
import type { EventEmitter } from "node:events";
import { checkLogArguments } from "../base/calls.js";
import { LoginKitError } from "../base/errors.js";
import type { LoginKitEvents } from "./events.js";
import { oneLine } from "../base/printable.js";

/** What writes a line: pino and its relatives are such loggers. */
export interface EventLogger {
  readonly info: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
}

type Level = keyof EventLogger;

/** Events that something or somebody was refused or failed by. */
const LEVELS: Readonly<Record<keyof LoginKitEvents, Level>> = {
  "login.started": "info",
  "login.succeeded": "info",
  "login.failed": "warn",
  "login.ended": "info",
  "logout.received": "info",
  "token.refreshed": "info",
  "token.refresh_failed": "warn",
  "token.revocation_failed": "warn",
  "request.refused": "warn",
  error: "error",
};

/**
 * Logs every event: what happened (`event`), its `outcome`, when (`at`, UTC),
 * who (`issuer`, `subject`, `loginId`) and from where (`address`), as far as
 * the event knows them. No field holds a token, a cookie or a code, and none
 * holds a line break, whatever a provider or a browser sent.
 *
 * @returns a function that stops it
 * @throws {ConfigError} for arguments that are no events or no logger
 */
export function logEvents(
  events: EventEmitter<LoginKitEvents>,
  logger: EventLogger,
): () => void {
  checkLogArguments(events, logger);
  const listeners = Object.entries(LEVELS).map(([name, level]) => {
    const listener = (payload: object): void => {
      const fields = {
        event: name === "error" ? "failure" : name,
        outcome: level === "info" ? "success" : "failure",
        at: new Date().toISOString(),
        ...cleaned(payload instanceof Error ? fieldsOf(payload) : payload),
      };
      logger[level](fields, `login kit: ${fields.event}`);
    };
    (events as EventEmitter).on(name, listener);
    return { name, listener };
  });
  return () => {
    for (const { name, listener } of listeners) {
      (events as EventEmitter).off(name, listener);
    }
  };
}

/** Not the stack, and not the cause: what the kit says of it is in the message. */
function fieldsOf(error: Error): object {
  return {
    ...(error instanceof LoginKitError && { code: error.code }),
    diagnosis: error.message,
  };
}

function cleaned(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? oneLine(value) : (value as unknown),
    ]),
  );
}
