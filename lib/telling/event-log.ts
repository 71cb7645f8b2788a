/** Writes the kit's events into the application's log, one line each (ASVS 16.2, 16.3). */
import { Console } from "node:console";
import type { EventEmitter } from "node:events";
import { checkLogArguments } from "../base/calls.js";
import { LoginKitError } from "../base/errors.js";
import { EVENTS } from "./event-texts.js";
import type { LoginKitEvents } from "./events.js";
import { oneLine } from "../base/printable.js";

/** What writes a line: pino and its relatives are such loggers, and so is `console`. */
export interface EventLogger {
  readonly info: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
}

interface LoggedFields {
  readonly event: string;
  readonly outcome: string;
  readonly at: string;
  readonly [name: string]: unknown;
}

/**
 * Logs every event: what happened (`event`), its `outcome`, when (`at`, UTC),
 * who (`issuer`, `subject`, `loginId`) and from where (`address`), as far as
 * the event knows them. No field holds a token, a cookie or a code, and none
 * holds a line break, whatever a provider or a browser sent.
 *
 * A `console` gets one text for each event, with the fields behind it.
 *
 * @returns a function that stops it
 * @throws {ConfigError} for arguments that are no events or no logger
 */
export function logEvents(
  events: EventEmitter<LoginKitEvents>,
  logger: EventLogger,
): () => void {
  checkLogArguments(events, logger);
  const listeners = Object.entries(EVENTS).map(([name, { level }]) => {
    const listener = (payload: object): void => {
      const fields: LoggedFields = {
        event: name === "error" ? "failure" : name,
        outcome: level === "info" ? "success" : "failure",
        at: new Date().toISOString(),
        ...cleaned(payload instanceof Error ? fieldsOf(payload) : payload),
      };
      const title = `login kit: ${fields.event}`;
      if (logger instanceof Console) logger[level](lineOf(title, fields));
      else logger[level](fields, title);
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

/**
 * For people: a console would print the fields on lines of their own. What a
 * list says stands in a text beside it.
 */
function lineOf(
  title: string,
  { event: _event, outcome: _outcome, at, ...others }: LoggedFields,
): string {
  const told = Object.entries(others)
    .filter(([, value]) => value !== undefined && !Array.isArray(value))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [at, title, ...told].join(" ");
}

/** Not the stack, and not the cause: what the kit says of it is in the message. */
function fieldsOf(error: Error): object {
  return {
    ...(error instanceof LoginKitError && { code: error.code }),
    diagnosis: error.message,
  };
}

function cleaned(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? oneLine(value) : (value as unknown),
    ]),
  );
}
