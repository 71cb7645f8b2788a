/** A port where connecting fails, and which nobody else can take meanwhile. */
import { once } from "node:events";
import { createServer } from "node:net";

/** A port that is held. */
export interface RefusingPort {
  /** How many connections it has refused. */
  readonly refused: () => number;
  readonly close: () => Promise<void>;
}

/**
 * Holds the port of a server that was closed; close it in the end.
 *
 * Where nobody listens, somebody else's server may begin to. So there is a
 * listener, which resets every connection at once.
 *
 * @param url what the server's URL was, on 127.0.0.1
 */
export async function refusingPort(url: string): Promise<RefusingPort> {
  let refused = 0;
  const server = createServer((socket) => {
    refused += 1;
    socket.on("error", () => undefined);
    socket.resetAndDestroy();
  });
  // A test that fails before it closes the port must not keep Jest from ending.
  server.unref();
  server.listen(Number(new URL(url).port), "127.0.0.1");
  await once(server, "listening");
  return {
    refused: () => refused,
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}
