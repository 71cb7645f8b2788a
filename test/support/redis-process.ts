/**
 * Runs one Redis server process on a free port of the loopback interface.
 *
 * Jest loads this file for its global setup, outside its own module system, where
 * "./x.js" is not mapped to "./x.ts": no relative imports here.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "redis";

/** A running Redis server, Cluster node or Sentinel. */
export interface RedisProcess {
  readonly url: string;
  readonly port: number;
  /** The port of the Cluster bus; only a Cluster node listens there. */
  readonly busPort: number;
  /** The port with TLS; only with `tls` somebody listens there. */
  readonly tlsPort: number;
  /** Freezes the process (SIGSTOP): connections stay open, nothing answers. */
  pause(): void;
  /** Undoes `pause` (SIGCONT). */
  resume(): void;
  /** Ends the process, removes its files. */
  stop(): Promise<void>;
  /** Ends the process, starts a new and empty one on the same port. */
  restart(): Promise<void>;
}

/** What kind of process `startRedisProcess` runs. */
export interface RedisProcessOptions {
  /** Lines of redis.conf in addition to those that every process gets. */
  readonly settings?: readonly string[];
  readonly kind?: "server" | "cluster" | "sentinel";
  /** Paths of files in PEM: it speaks TLS on a second port, and asks for client certificates. */
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    readonly ca: string;
  };
}

/** Milliseconds a new process may take until it answers PING. */
const START_TIMEOUT = 15_000;
/** Milliseconds a process may take to end by itself. */
const STOP_TIMEOUT = 3_000;
const START_ATTEMPTS = 3;

/**
 * Never connected: the clients for single commands are duplicates of it.
 * node-redis makes a class with hundreds of methods for each new set of options,
 * which costs more than most tests; duplicates share it.
 */
let model: ReturnType<typeof createClient> | undefined;

/** The ports of a process. */
type Ports = Pick<RedisProcess, "port" | "busPort" | "tlsPort">;

/**
 * Starts the server program at `serverPath` on a port that `freePort` finds,
 * resolves when it answers PING.
 *
 * Its files are in a folder of their own below the run's folder
 * (`TEST_RUN_DIRECTORY`, set in global-setup.ts). While it runs, a file `pid` is
 * in there: global-teardown.ts ends what a crashed test left behind.
 *
 * Throws an `Error` with the end of the server's log.
 */
export async function startRedisProcess(
  serverPath: string,
  freePort: () => Promise<number>,
  { settings = [], kind = "server", tls }: RedisProcessOptions = {},
): Promise<RedisProcess> {
  const directory = mkdtempSync(
    join(process.env["TEST_RUN_DIRECTORY"] ?? tmpdir(), "redis-"),
  );
  const { child, ...ports } = await onFreePorts();
  let current = child;
  return {
    url: urlOf(ports.port),
    ...ports,
    pause() {
      current.kill("SIGSTOP");
      whileItRuns(current.pid);
    },
    resume() {
      current.kill("SIGCONT");
    },
    async stop() {
      await end(current);
      rmSync(directory, { recursive: true, force: true });
    },
    async restart() {
      await end(current);
      current = await start(ports);
    },
  };

  async function onFreePorts(): Promise<Ports & { child: ChildProcess }> {
    for (let attempt = 1; ; attempt++) {
      const free = {
        port: await freePort(),
        busPort: await freePort(),
        tlsPort: await freePort(),
      };
      try {
        return { child: await start(free), ...free };
      } catch (error) {
        // Between finding a free port and using it, somebody else may have taken it.
        if (attempt < START_ATTEMPTS && /in use/i.test(String(error))) continue;
        rmSync(directory, { recursive: true, force: true });
        throw error;
      }
    }
  }

  async function start({
    port,
    busPort,
    tlsPort,
  }: Ports): Promise<ChildProcess> {
    const configuration = join(directory, "redis.conf");
    const log = join(directory, "log");
    const pidFile = join(directory, "pid");
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir "${directory}"`,
      ...(kind === "sentinel" ? [] : ['save ""', "appendonly no"]),
      ...(kind === "cluster" ? clusterSettings(busPort) : []),
      ...(tls === undefined ? [] : tlsSettings(tlsPort, tls)),
      ...settings,
    ];
    writeFileSync(configuration, lines.join("\n") + "\n");
    const logged = openSync(log, "w");
    const started = spawn(
      serverPath,
      [configuration, ...(kind === "sentinel" ? ["--sentinel"] : [])],
      { stdio: ["ignore", logged, logged] },
    );
    closeSync(logged);
    // A test that forgets stop() must not keep Jest from ending.
    started.unref();
    started.on("exit", () => {
      rmSync(pidFile, { force: true });
    });
    let failure: Error | undefined;
    started.on("error", (error) => (failure = error));
    if (started.pid !== undefined) {
      writeFileSync(pidFile, String(started.pid));
    }

    // Not Date: a test may have set the clock.
    const deadline = performance.now() + START_TIMEOUT;
    while (!hasEnded(started) && failure === undefined) {
      if (await answersPing(port)) return started;
      if (performance.now() > deadline) break;
      await sleep(20);
    }
    if (failure === undefined) await end(started);
    const lastLines = readFileSync(log, "utf8").trim().split("\n").slice(-10);
    throw new Error(
      `${serverPath} did not start on port ${port}:\n${lastLines.join("\n")}`,
      { cause: failure },
    );
  }
}

/**
 * Sends one command over a connection of its own.
 *
 * Rejects when the server is not there, refuses the command, or does not answer
 * within `timeout` milliseconds (default 5000).
 */
export async function redisCommand(
  url: string,
  command: readonly string[],
  timeout = 5_000,
): Promise<unknown> {
  model ??= createClient();
  const client = model.duplicate({
    url,
    socket: { reconnectStrategy: false, connectTimeout: timeout },
  });
  // connect() and sendCommand() reject with the same errors.
  client.on("error", () => undefined);
  const ended = new AbortController();
  const answer = (async () => {
    await client.connect();
    return await client.sendCommand([...command]);
  })();
  const tooLate = async () => {
    await sleep(timeout, undefined, { signal: ended.signal });
    throw new Error(`${command.join(" ")}: no answer in ${timeout} ms`);
  };
  try {
    return await Promise.race([answer, tooLate()]);
  } finally {
    ended.abort();
    client.destroy();
  }
}

function clusterSettings(busPort: number): string[] {
  return [
    "cluster-enabled yes",
    `cluster-port ${busPort}`,
    // A node learns its own address from others; until then it would hand out an
    // empty one.
    "cluster-announce-ip 127.0.0.1",
    "cluster-node-timeout 5000",
  ];
}

function tlsSettings(
  tlsPort: number,
  { cert, key, ca }: NonNullable<RedisProcessOptions["tls"]>,
): string[] {
  return [
    `tls-port ${tlsPort}`,
    `tls-cert-file "${cert}"`,
    `tls-key-file "${key}"`,
    `tls-ca-cert-file "${ca}"`,
    // Between the servers too: only so a Cluster tells its ports with TLS, and a
    // Sentinel finds a primary at one.
    "tls-cluster yes",
    "tls-replication yes",
  ];
}

async function answersPing(port: number): Promise<boolean> {
  try {
    return (await redisCommand(urlOf(port), ["PING"], 2_000)) === "PONG";
  } catch {
    // Not listening yet; the caller asks again until its deadline.
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  child.ref();
  const exit = once(child, "exit");
  // A stopped process does not get SIGTERM before it continues.
  child.kill("SIGCONT");
  child.kill("SIGTERM");
  const patience = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT);
  await exit;
  clearTimeout(patience);
}

/** A signal takes a moment, in which a command could still be answered. */
function whileItRuns(pid: number | undefined): void {
  const file = `/proc/${String(pid)}/stat`;
  while (existsSync(file) && !readFileSync(file, "latin1").includes(") T "));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function urlOf(port: number): string {
  return `redis://127.0.0.1:${port}`;
}
