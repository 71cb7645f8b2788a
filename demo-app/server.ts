/** The demo as `npm run demo` starts it: with the settings of `.env`. */
import { startDemo } from "./demo.js";

try {
  process.loadEnvFile();
} catch (error) {
  // No .env is the normal case: everything has a default.
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
await startDemo(process.argv.slice(2));
