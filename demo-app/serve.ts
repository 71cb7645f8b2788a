/** Starts HTTP servers, and stops them gracefully. */
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";

/** How long running requests may take. */
const GRACE_MILLISECONDS = 5_000;

/** How often connections that have become idle are closed. */
const LOOK_EVERY_MILLISECONDS = 100;

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

/**
 * On SIGINT and SIGTERM: no new connections; `first` ends streams and waits for
 * refreshes, then running requests may end; then the `others`, which `first`
 * may have needed, and `last`.
 */
export function stopOnSignals(
  server: Server,
  others: readonly Server[] = [],
  first: () => Promise<void> = () => Promise.resolve(),
  last: () => Promise<void> = () => Promise.resolve(),
): void {
  async function stop(): Promise<void> {
    const ended = closed(server);
    await first();
    await cutOff(server, ended);
    await Promise.all(others.map((other) => cutOff(other, closed(other))));
    await last();
  }
  process.once("SIGINT", () => void stop());
  process.once("SIGTERM", () => void stop());
}

/** Ends connections with their next answer, or when they idle; resolves when all are closed. */
function closed(server: Server): Promise<void> {
  server.prependListener("request", (_req, res) => {
    res.setHeader("Connection", "close");
  });
  const idle = setInterval(() => {
    server.closeIdleConnections();
  }, LOOK_EVERY_MILLISECONDS);
  return new Promise((resolve) => {
    server.close(() => {
      clearInterval(idle);
      resolve();
    });
  });
}

/** Waits for the end, and cuts off what takes too long. */
async function cutOff(server: Server, ended: Promise<void>): Promise<void> {
  const impatient = setTimeout(() => {
    server.closeAllConnections();
  }, GRACE_MILLISECONDS);
  await ended;
  clearTimeout(impatient);
}
