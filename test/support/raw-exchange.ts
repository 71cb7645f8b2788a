/** A connection that says exactly what a test writes: clients would clean it up. */
import { connect, createServer, type AddressInfo } from "node:net";

/** What came back. */
export interface RawAnswer {
  /** Of every response, in order, interim ones too. */
  readonly statuses: readonly number[];
  /** Everything, each byte one character. */
  readonly text: string;
}

/**
 * Writes the text, each character one byte, and reads until the server closes.
 *
 * Rejects after so many milliseconds: a server that hangs is a failure.
 */
export function rawExchange(
  origin: string,
  text: string,
  milliseconds = 20_000,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = "";
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after ${JSON.stringify(received)}`));
    }, milliseconds);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (received += chunk));
    // A server may close while we are still writing.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve({ text: received, statuses: statusesOf(received) });
    });
    socket.write(text, "latin1");
  });
}

function statusesOf(text: string): number[] {
  return [...text.matchAll(/^HTTP\/1\.1 (?<status>\d{3}) /gm)].map((match) =>
    Number(match.groups?.["status"]),
  );
}

/** A port that nobody should talk to. */
export interface ByteTrap {
  readonly host: string;
  /** How many connections there were, and what they said. */
  readonly caught: readonly string[];
  readonly close: () => Promise<void>;
}

/** Starts one; close it in the end. */
export async function byteTrap(): Promise<ByteTrap> {
  const caught: string[] = [];
  const server = createServer((socket) => {
    const index = caught.push("") - 1;
    socket.on("data", (bytes) => {
      caught[index] = `${caught[index] ?? ""}${bytes.toString("latin1")}`;
    });
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${String(port)}`,
    caught,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}
