/**
 * Programs in processes of their own: plain Node, without Jest's module system.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A program in Node, such as an application with the kit. */
export interface NodeProcess {
  readonly pid: number;
  isRunning(): boolean;
  /** What it printed so far, both streams. */
  output(): string;
  /** What it printed to stderr so far. */
  errors(): string;
  /** Waits until it prints this; throws when it ends or takes too long. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal and waits for the end. */
  end(signal?: "SIGTERM" | "SIGKILL"): Promise<NodeExit>;
}

/** How a process ended: with an exit code, or by a signal. */
export interface NodeExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a program runs with. */
export interface NodeProcessOptions {
  /** Its whole environment beside PATH and HOME. Default: nothing. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the working directory of the tests. */
  readonly cwd?: string;
  /** Executable of Node. Default: the one that runs the tests. */
  readonly node?: string;
}

/** Milliseconds that a program may take to print what is waited for. */
const PRINT_TIMEOUT = 45_000;
/** Milliseconds that a process may take to end by itself. */
const END_TIMEOUT = 60_000;

const running = new Set<NodeProcess>();

/** Starts `node` with these arguments; `endNodeProcesses` in `afterAll` ends it. */
export function startNode(
  args: readonly string[],
  {
    env = {},
    cwd = process.cwd(),
    node = process.execPath,
  }: NodeProcessOptions = {},
): NodeProcess {
  const child = spawn(node, args, {
    cwd,
    // Not the environment of the tests: NODE_ENV=test and REDIS_URL are theirs.
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`node ${args.join(" ")}: no process`);
  const removeNote = notePid(pid);

  let printed = "";
  let errors = "";
  let isClosed = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      printed += text;
      if (stream === child.stderr) errors += text;
      child.emit("printed");
    });
  }
  const closed = once(child, "close").then(() => {
    isClosed = true;
    removeNote();
    running.delete(started);
    child.emit("printed");
  });

  const started: NodeProcess = {
    pid,
    isRunning: () => !hasEnded(child),
    output: () => printed,
    errors: () => errors,
    async prints(pattern) {
      const tooLate = AbortSignal.timeout(PRINT_TIMEOUT);
      for (;;) {
        const found = pattern.exec(printed);
        if (found !== null) return found;
        // Closed, not only ended: what it printed last may still be on its way.
        if (isClosed || tooLate.aborted) {
          throw new Error(
            `node ${args.join(" ")} did not print ${String(pattern)}:\n${printed}`,
          );
        }
        await once(child, "printed", { signal: tooLate }).catch(
          () => undefined,
        );
      }
    },
    async end(signal = "SIGTERM") {
      child.kill(signal);
      const impatient = setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT);
      await closed;
      clearTimeout(impatient);
      return { code: child.exitCode, signal: child.signalCode };
    },
  };
  running.add(started);
  return started;
}

/** Ends every process that this test file started. */
export async function endNodeProcesses(): Promise<void> {
  await Promise.all([...running].map((started) => started.end("SIGKILL")));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** global-teardown.ts ends the processes that a crashed test left behind, by these notes. */
function notePid(pid: number): () => void {
  const folder = mkdtempSync(
    join(process.env["TEST_RUN_DIRECTORY"] ?? tmpdir(), "node-"),
  );
  writeFileSync(join(folder, "pid"), String(pid));
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}
