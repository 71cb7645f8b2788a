/** Starts a measured server in a process of its own. */
/* global AbortController */
import { fork } from "node:child_process";
import { once } from "node:events";
import process from "node:process";

/**
 * Starts a server of peers/. It ends with this process, in whatever way that ends.
 *
 * @param options.profiles folder for its CPU profile; undefined: none
 * @param options.exposeGc `heapBytes` may be asked for
 */
export async function startPeer(
  file,
  { env, profiles, exposeGc = false, output = "inherit" },
) {
  const child = fork(file, {
    env: { ...process.env, NODE_ENV: "production", ...env },
    execArgv: [
      ...(profiles === undefined
        ? []
        : ["--cpu-prof", "--cpu-prof-dir", profiles]),
      ...(exposeGc ? ["--expose-gc"] : []),
    ],
    stdio: ["ignore", "ignore", output, "ipc"],
  });
  const answer = async (question) => {
    if (question !== undefined) child.send(question);
    const ended = new AbortController();
    const exited = once(child, "exit", ended).then(([code]) => {
      throw new Error(`${file} ended with ${code}`);
    });
    exited.catch(() => undefined);
    try {
      const [message] = await Promise.race([once(child, "message"), exited]);
      return message;
    } finally {
      ended.abort();
    }
  };
  const { port } = await answer();
  return {
    url: `http://127.0.0.1:${port}`,
    /** CPU time of the process so far, user and system, of all threads. */
    cpuMicroseconds: () => answer("cpu"),
    /** Heap in use, after a garbage collection. */
    heapBytes: () => answer("heap"),
    async stop() {
      if (!child.connected) return;
      const exit = once(child, "exit");
      child.disconnect();
      await exit;
    },
  };
}
