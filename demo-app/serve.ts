/** Starts HTTP servers, and stops them gracefully. */
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";

const GRACE_MILLISECONDS = 5_000;

/** Listens, and resolves once requests are answered. */
export function listen(
  app: RequestListener,
  port: number,
  host: string,
): Promise<Server> {
  const server = createServer(app);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

/** On SIGINT and SIGTERM: no new requests, streams are ended by `first`, running requests may end, then `last`. */
export function stopOnSignals(
  servers: readonly Server[],
  first: () => void = () => undefined,
  last: () => Promise<void> = () => Promise.resolve(),
): void {
  async function stop(): Promise<void> {
    const cutOff = setTimeout(() => {
      for (const server of servers) server.closeAllConnections();
    }, GRACE_MILLISECONDS);
    const closing = servers.map(closed);
    first();
    await Promise.all(closing);
    clearTimeout(cutOff);
    await last();
  }
  process.once("SIGINT", () => void stop());
  process.once("SIGTERM", () => void stop());
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
