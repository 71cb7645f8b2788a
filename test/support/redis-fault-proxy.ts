/** A Redis that fails at one chosen command: a proxy in front of a real server that counts commands. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

import { wholeValues } from "./resp-values.js";

/** How a command fails. */
export type RedisFault =
  /** The connection breaks; the server never sees the command. */
  | "cut-before"
  /** The connection breaks when the command was carried out; nobody sees the reply. */
  | "cut-after"
  /** The command is carried out; its reply, and all that follow on its connection, wait until `heal`. */
  | "stall";

/** How a fault goes on. */
export interface RedisFaultOptions {
  /** Whether the server stays away after a cut, until `heal`. Default: one can connect again at once. */
  readonly away?: boolean;
  /**
   * Whether a stalled command is carried out only at `heal`, also when its
   * client has left: as a server does that was frozen. Default: at once.
   */
  readonly late?: boolean;
}

/** The proxy. */
export interface RedisFaultProxy {
  readonly url: string;
  /** The commands since the last `reset`, in the order in which they came: name and first key, as "HMGET a-key". */
  commands(): string[];
  /** Counts from one again, and forgets a fault that has not struck. */
  reset(): void;
  /** Lets the command with this number (from 1, since the last `reset`) fail, once. */
  fault(index: number, kind: RedisFault, options?: RedisFaultOptions): void;
  /** Whether the fault has struck. */
  struck(): boolean;
  /** Sends what was stalled, and lets everybody connect again. */
  heal(): void;
  stop(): Promise<void>;
}

/** What a client sends to keep a connection, and not for its application. */
const HOUSEKEEPING = new Set([
  "AUTH",
  "CLIENT",
  "COMMAND",
  "HELLO",
  "PING",
  "QUIT",
  "READONLY",
  "SELECT",
]);

interface Fault {
  readonly index: number;
  readonly kind: RedisFault | "stall-late";
  readonly away: boolean;
}

/** Starts a proxy in front of a server; stop it in the end. */
export async function startRedisFaultProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<RedisFaultProxy> {
  const sockets = new Set<Socket>();
  const stalled = new Set<() => void>();
  let counted: string[] = [];
  let planned: Fault | undefined;
  let hasStruck = false;
  let isAway = false;

  /** The fault of the command that has just come, if it is its turn. */
  const faultOf = (command: Buffer): Fault["kind"] | undefined => {
    const words = wordsOf(command);
    const name = words[0]?.toUpperCase() ?? "";
    if (HOUSEKEEPING.has(name)) return undefined;
    counted.push(`${name} ${keyOf(name, words)}`);
    if (planned?.index !== counted.length) return undefined;
    const { kind, away } = planned;
    planned = undefined;
    hasStruck = true;
    if (kind.startsWith("cut")) isAway = away;
    return kind;
  };

  const server = createServer((client) => {
    track(client);
    if (isAway) {
      client.destroy();
      return;
    }
    const upstream = connect(target.port, target.host);
    track(upstream);
    const cut = (): void => {
      client.destroy();
      // What came before is still carried out.
      upstream.end();
    };
    client.on("close", () => {
      if (!holdsCommands) cut();
    });
    upstream.on("close", cut);

    /** Faults of the commands that wait for their reply, in order. */
    const waiting: (Fault["kind"] | undefined)[] = [];
    const heldCommands: Buffer[] = [];
    const heldReplies: Buffer[] = [];
    let holdsCommands = false;
    let holdsReplies = false;
    const release = (): void => {
      holdsCommands = holdsReplies = false;
      stalled.delete(release);
      for (const command of heldCommands.splice(0)) upstream.write(command);
      for (const reply of heldReplies.splice(0)) client.write(reply);
      if (client.destroyed) cut();
    };
    const takeCommands = wholeValues();
    client.on("data", (chunk: Buffer) => {
      for (const command of takeCommands(chunk)) {
        const fault = faultOf(command);
        if (fault === "cut-before") {
          cut();
          return;
        }
        if (fault === "stall-late") {
          holdsCommands = true;
          stalled.add(release);
        }
        waiting.push(fault);
        if (holdsCommands) heldCommands.push(command);
        else upstream.write(command);
      }
    });
    const takeReplies = wholeValues();
    upstream.on("data", (chunk: Buffer) => {
      for (const reply of takeReplies(chunk)) {
        // A push belongs to no command (RESP3).
        const fault = reply[0] === PUSH ? undefined : waiting.shift();
        if (fault === "cut-after") {
          cut();
          return;
        }
        if (fault === "stall") {
          holdsReplies = true;
          stalled.add(release);
        }
        if (holdsReplies) heldReplies.push(reply);
        else client.write(reply);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const heal = (): void => {
    isAway = false;
    for (const release of stalled) release();
  };
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    commands: () => [...counted],
    reset() {
      counted = [];
      planned = undefined;
      hasStruck = false;
    },
    fault(index, kind, { away = false, late = false } = {}) {
      planned = {
        index,
        kind: kind === "stall" && late ? "stall-late" : kind,
        away,
      };
      hasStruck = false;
    },
    struck: () => hasStruck,
    heal,
    async stop() {
      heal();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.setNoDelay();
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  }
}

/** How a RESP3 push begins. */
const PUSH = ">".charCodeAt(0);

/** A command's words: an array of bulk strings, which may hold any bytes. */
function wordsOf(command: Buffer): string[] {
  const words: string[] = [];
  let at = command.indexOf("\r\n") + 2;
  while (at < command.length) {
    const from = command.indexOf("\r\n", at) + 2;
    const length = Number(command.toString("latin1", at + 1, from - 2));
    words.push(command.toString("latin1", from, from + length));
    at = from + length + 2;
  }
  return words;
}

/** The first key; a script's comes after the script and the number of keys. */
function keyOf(name: string, words: readonly string[]): string {
  const key = name.startsWith("EVAL") ? words[3] : words[1];
  return key ?? "";
}
