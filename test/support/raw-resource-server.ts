/** A resource server that writes what a test says, byte by byte. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** The server and its connections. */
export interface RawResourceServer {
  readonly url: string;
  readonly open: ReadonlySet<Socket>;
  readonly close: () => void;
}

/**
 * Starts one; close it in the end.
 *
 * @param answer is called when the head of a request is there
 */
export async function rawResourceServer(
  answer: (socket: Socket, path: string, method: string) => void,
): Promise<RawResourceServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      const heads = String(bytes).matchAll(/^([A-Z]+) (\S+) HTTP/gm);
      for (const [, method, path] of heads) {
        answer(socket, String(path), String(method));
      }
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    open,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
