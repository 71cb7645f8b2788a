/** A Redis that keeps its data when it is killed, as one with appendonly in production. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createClient } from "redis";

import { freePort } from "./free-port.js";

/** It writes everything to its file before it answers. */
export interface KeptRedis {
  readonly url: string;
  readonly start: () => Promise<void>;
  readonly kill: () => Promise<void>;
  /** Freezes it (SIGSTOP): connections stay open, nothing answers. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly stop: () => Promise<void>;
}

/** Starts it on a port of its own; stop it in the end. */
export async function startKeptRedis(): Promise<KeptRedis> {
  const folder = mkdtempSync(join(tmpdir(), "kept-redis-"));
  const port = String(await freePort());
  const url = `redis://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  const kept: KeptRedis = {
    url,
    async start() {
      const settings = `--port ${port} --bind 127.0.0.1 --dir ${folder} --save  --appendonly yes --appendfsync no`;
      server = spawn(
        process.env["TEST_REDIS_SERVER"] ?? "redis-server",
        settings.split(" "),
        { stdio: "ignore" },
      );
      const client = createClient({ url });
      client.on("error", () => undefined);
      await client.connect();
      await client.ping();
      client.destroy();
    },
    async kill() {
      if (server === undefined) return;
      const ended = once(server, "exit");
      server.kill("SIGKILL");
      await ended;
      server = undefined;
    },
    pause() {
      server?.kill("SIGSTOP");
    },
    resume() {
      server?.kill("SIGCONT");
    },
    async stop() {
      await kept.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await kept.start();
  return kept;
}
