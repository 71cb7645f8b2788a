/** A port where connecting fails, and which nobody else can take meanwhile. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** A port that is held. */
export interface RefusingPort {
  readonly port: number;
  /** How many connections it has refused. */
  readonly refused: () => number;
  readonly close: () => Promise<void>;
}

/**
 * Holds a port of 127.0.0.1; close it in the end.
 *
 * Nobody can hold a port where nobody listens: somebody else's server could get
 * it. So there is a listener, which resets every connection at once.
 */
export async function refusingPort(): Promise<RefusingPort> {
  let refused = 0;
  const server = createServer((socket) => {
    refused += 1;
    socket.on("error", () => undefined);
    socket.resetAndDestroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    refused: () => refused,
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}
