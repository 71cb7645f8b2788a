/** A server that has its port before it knows what to serve. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A server on a port of the loopback interface. */
export interface ListeningServer {
  /** Its origin. */
  readonly url: string;
  readonly serve: (listener: RequestListener) => void;
  /** Whether connections are broken off. The port stays taken, so that nobody else answers there. */
  readonly setDown: (isDown: boolean) => void;
  readonly close: () => Promise<void>;
}

/** Starts one; close it in the end. */
export async function listening(): Promise<ListeningServer> {
  const server = createServer();
  let isDown = false;
  server.on("connection", (socket) => {
    if (isDown) socket.resetAndDestroy();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    serve(listener) {
      server.on("request", listener);
    },
    setDown(nowDown) {
      isDown = nowDown;
      if (isDown) server.closeAllConnections();
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
