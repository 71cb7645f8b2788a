/** The application's log: one line of JSON for each thing that happens, on the terminal. */
import { pino, type Logger } from "pino";

/** Creates the log. Where lines go, and who may read them, is up to whoever runs the application. */
export function createLog(): Logger {
  return pino({
    base: null,
    // The kit's lines have a time of their own.
    timestamp: false,
    formatters: { level: (level) => ({ level }) },
  });
}
