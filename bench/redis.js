/** Starts a Redis server, and reads what it counts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "redis";

/** Milliseconds until it must answer. */
const START_WITHIN = 10_000;

/** Starts `redis-server` of the PATH, or what `REDIS_SERVER` names, on a free port; keeps nothing on disk. */
export async function startRedis() {
  const port = await freePort();
  const program = process.env["REDIS_SERVER"] ?? "redis-server";
  const settings = `--port ${port} --bind 127.0.0.1 --dir ${tmpdir()} --appendonly no`;
  const server = spawn(program, [...settings.split(" "), "--save", ""], {
    stdio: "ignore",
  });
  server.once("error", (error) => {
    throw new Error(`${program} does not start`, { cause: error });
  });
  process.once("exit", () => server.kill());
  const url = `redis://127.0.0.1:${port}`;
  const client = await connect(url);
  return {
    url,
    /** Commands of others so far, and bytes that all were answered with. */
    async counts() {
      const info = await client.sendCommand(["INFO", "commandstats", "stats"]);
      let commands = 0;
      for (const [, name, calls] of info.matchAll(
        /^cmdstat_([^:]+):calls=(\d+)/gm,
      )) {
        // Ours, and the watchdog's of the kit: it asks twice a second, not with a request.
        if (name !== "info" && name !== "ping") commands += Number(calls);
      }
      const bytesOut = /total_net_output_bytes:(\d+)/.exec(info)?.[1];
      return { commands, bytesOut: Number(bytesOut) };
    },
    async stop() {
      client.destroy();
      const exit = once(server, "exit");
      server.kill();
      await exit;
    },
  };
}

async function connect(url) {
  const deadline = performance.now() + START_WITHIN;
  for (;;) {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on("error", () => undefined);
    try {
      return await client.connect();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
