/** Every command of something fails in every way: the table of what came of it. */
import type { RedisFault, RedisFaultOptions } from "./redis-fault-proxy.js";

/** How a command fails, and for how long. */
const FAULTS: Readonly<
  Record<string, readonly [RedisFault, RedisFaultOptions?]>
> = {
  "cut before": ["cut-before"],
  "cut before, away": ["cut-before", { away: true }],
  "cut after": ["cut-after"],
  "cut after, away": ["cut-after", { away: true }],
  stalled: ["stall"],
  "stalled, late": ["stall", { late: true }],
};

/** A line of the table. */
export interface FaultCase {
  readonly command: string;
  /** Of the command, from 1. */
  readonly index: number;
  /** For {@link howItFails}. */
  readonly fault: string;
  outcome: string;
}

/** A line for each way in which each of the commands can fail; of `one in so many` of them. */
export function faultsOf(
  commands: readonly string[],
  oneIn: number,
): FaultCase[] {
  const all = commands.flatMap((command, index) =>
    Object.keys(FAULTS).map((fault) => ({
      command,
      index: index + 1,
      fault,
      outcome: "",
    })),
  );
  return all.filter((_case, index) => index % oneIn === 0);
}

/** What `RedisFaultProxy.fault` wants to know. */
export function howItFails(
  fault: string,
): readonly [RedisFault, RedisFaultOptions?] {
  return FAULTS[fault] ?? ["cut-before"];
}

/** Past Jest, which silences the console. */
export function printFaults(name: string, cases: readonly FaultCase[]): void {
  const rows = cases.map(({ command, index, fault, outcome }) => {
    const [verb = "", key = ""] = command.split(" ");
    const what = key
      .replace(/^[\w-]{36}:[\w-]{10}:/, "")
      .replace(/\{.*\}/, "{…}");
    return `  ${String(index).padStart(2)}  ${`${verb} ${what}`.slice(0, 34).padEnd(36)}${fault.padEnd(18)}${outcome}`;
  });
  process.stdout.write(`\n${name}\n${rows.join("\n")}\n`);
}
