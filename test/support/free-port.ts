/**
 * Finds a port for a process that has to be told one.
 *
 * Jest loads this file for its global setup, too: no relative imports here.
 */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that systems give to connections and to servers that ask for any: none of those takes it meanwhile. */
const FIRST = 20_000;
/** Ports of each of Jest's workers, and how many workers may have some of their own. */
const PORTS = 2_000;
const WORKERS = 6;

const given = new Set<number>();

/** A port of 127.0.0.1 that was free a moment ago, and that this process gives to nobody else. */
export async function freePort(): Promise<number> {
  const worker = Number(process.env["JEST_WORKER_ID"] ?? 0) % WORKERS;
  const first = FIRST + worker * PORTS;
  for (;;) {
    const port = randomInt(first, first + PORTS);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once("error", () => {
      resolve(false);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      resolve(true);
    });
  });
  if (!listens) return false;
  server.close();
  await once(server, "close");
  return true;
}
