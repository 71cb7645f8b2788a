/** A door in front of Redis that can be shut: what a stalled Redis is like. */
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface RedisGate {
  /** The same database, through the door. */
  readonly url: string;
  /** Lets nothing through, and breaks nothing off. */
  readonly shut: () => void;
  /** Lets through what has waited, and all that follows. */
  readonly open: () => void;
  readonly close: () => Promise<void>;
}

/** Starts it on a free port of the loopback interface. */
export async function startRedisGate(redisUrl: string): Promise<RedisGate> {
  const target = new URL(redisUrl);
  const port = Number(target.port || "6379");
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const sockets = new Set<Socket>();
  let isShut = false;

  function track(socket: Socket, other: Socket): void {
    sockets.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
    socket.pipe(other);
    if (isShut) socket.pause();
  }

  const server = createServer((client) => {
    const redis = connect(port, host);
    track(client, redis);
    track(redis, client);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address() as AddressInfo;
  const through = new URL(redisUrl);
  through.host = `127.0.0.1:${address.port}`;

  return {
    url: through.href,
    shut() {
      isShut = true;
      for (const socket of sockets) socket.pause();
    },
    open() {
      isShut = false;
      for (const socket of sockets) socket.resume();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
