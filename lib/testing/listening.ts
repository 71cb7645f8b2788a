/** A server that has its port before it knows what to serve. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A server on a port of the loopback interface. */
export interface ListeningServer {
  /** Its origin. */
  readonly url: string;
  /** For its `upgrade` event. */
  readonly server: Server;
  readonly serve: (listener: RequestListener) => void;
  /** Whether connections are broken off. The port stays taken, so that nobody else answers there. */
  readonly setDown: (isDown: boolean) => void;
  /** Ends every connection, also one that was upgraded. */
  readonly close: () => Promise<void>;
}

/**
 * Starts one; close it in the end.
 *
 * @param port of the loopback interface. Default: a free one
 * @throws {Error} where the port is taken
 */
export async function listening(port?: number): Promise<ListeningServer> {
  const server = createServer();
  const sockets = new Set<Socket>();
  let isDown = false;
  server.on("connection", (socket) => {
    if (isDown) socket.resetAndDestroy();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const endConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port ?? 0, "127.0.0.1", resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(taken)}`,
    server,
    serve(listener) {
      server.on("request", listener);
    },
    setDown(nowDown) {
      isDown = nowDown;
      if (isDown) endConnections();
    },
    close() {
      endConnections();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
