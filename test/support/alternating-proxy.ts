/**
 * A load balancer in front of several processes: every connection goes to the next.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A load balancer. The test browser opens a connection for every request. */
export interface AlternatingProxy {
  readonly url: string;
  /** "index METHOD /path" of every request so far; the index names the process. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Starts one in front of these ports of 127.0.0.1. */
export async function startAlternatingProxy(
  ports: readonly number[],
): Promise<AlternatingProxy> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    client.once("data", (start: Buffer) => {
      const index = requests.length % ports.length;
      const [line] = /^\S+ [^\s?]+/.exec(start.toString()) ?? ["?"];
      requests.push(`${index} ${line}`);
      const target = connect(ports[index] ?? 0, "127.0.0.1");
      track(target, client);
      target.write(start);
      client.pipe(target).pipe(client);
    });
    track(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };

  function track(socket: Socket, peer?: Socket): void {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {
      socket.destroy();
      // The browser sees a broken connection where a process broke it off.
      peer?.destroy();
    });
  }
}
