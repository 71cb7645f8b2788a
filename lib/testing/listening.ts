/** A server that has its port before it knows what to serve. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A server on a port of the loopback interface. */
export interface ListeningServer {
  /** Its origin. */
  readonly url: string;
  readonly serve: (listener: RequestListener) => void;
  readonly close: () => Promise<void>;
}

/** Starts one; close it in the end. */
export async function listening(): Promise<ListeningServer> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    serve(listener) {
      server.on("request", listener);
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
