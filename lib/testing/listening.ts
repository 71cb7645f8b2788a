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

/** Starts one; close it in the end. */
export async function listening(): Promise<ListeningServer> {
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
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
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
