/** The application's log: one line of JSON for each thing that happens, on the terminal. */
import type { EventLogger } from "express-login-kit";

/** Creates the log. Any logger will do, such as pino; where lines go is up to whoever runs the application. */
export function createLog(): EventLogger {
  function write(level: string) {
    return (fields: object, msg: string) => {
      console.log(JSON.stringify({ level, ...fields, msg }));
    };
  }
  return { info: write("info"), warn: write("warn"), error: write("error") };
}
