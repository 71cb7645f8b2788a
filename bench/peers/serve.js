/** Serves, and tells the parent process where, and what it has cost. */
import { createServer } from "node:http";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Serves until the parent goes away.
 *
 * @param options further ones of `createServer`
 */
export function serve(listener, options = {}) {
  // Longer than a run: an agent that takes up a connection which is just being
  // closed has an error, and that is not what is measured.
  const server = createServer(
    { keepAliveTimeout: 600_000, ...options },
    listener,
  );
  server.listen(0, "127.0.0.1", () => {
    process.send({ port: server.address().port });
  });
  process.on("message", async (question) => {
    const used = question === "heap" ? await heapUsed() : cpuUsed();
    // A parent that is gone by now wants no answer.
    process.send(used, () => undefined);
  });
  // By exit, so that a CPU profile is written.
  process.once("disconnect", () => process.exit());
}

function cpuUsed() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * Of what is still reachable: the process is started with --expose-gc. What is
 * held weakly, or closed by an event, takes more than one collection.
 */
async function heapUsed() {
  for (let turn = 0; turn < 4; turn++) {
    await sleep(50);
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}
