/**
 * Ends a run of all tests: stops the shared Redis server and every server that a
 * crashed test left behind, then removes the run's temporary files.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Runs once, after the last test file. */
export default function globalTeardown(): void {
  const directory = process.env["TEST_RUN_DIRECTORY"];
  if (directory === undefined) return;
  for (const name of readdirSync(directory)) {
    // Written by redis-process.ts, there only while the process runs.
    const pidFile = join(directory, name, "pid");
    if (existsSync(pidFile)) kill(Number(readFileSync(pidFile, "utf8")));
  }
  // A process that is just ending may still be writing its log.
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
