/** An HTTP proxy that opens tunnels (CONNECT), and an agent that goes through it. */
import { once } from "node:events";
import {
  Agent,
  type AgentOptions,
  type ClientRequestArgs,
  createServer,
  request,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** The proxy; close it in the end. */
export interface TunnelProxy {
  readonly url: string;
  /** Hosts and ports that it was asked for. */
  readonly targets: string[];
  readonly close: () => Promise<void>;
}

/** Starts one. */
export async function tunnelProxy(): Promise<TunnelProxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const proxy = createServer();
  proxy.on("connect", (req, client: Socket, head: Buffer) => {
    targets.push(req.url ?? "");
    const [host, port] = (req.url ?? "").split(":");
    const upstream = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    for (const [socket, other] of [
      [upstream, client],
      [client, upstream],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    targets,
    async close() {
      for (const socket of sockets) socket.destroy();
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** Opens each connection through the proxy, as the agents of companies do; with `tls` TLS inside of it. */
export class TunnelAgent extends Agent {
  readonly protocol: string;
  readonly #proxy: URL;
  readonly #tls: object | undefined;

  constructor(proxy: string, options: AgentOptions, tls?: object) {
    super(options);
    this.protocol = tls === undefined ? "http:" : "https:";
    this.#proxy = new URL(proxy);
    this.#tls = tls;
  }

  override createConnection(
    { host, port }: ClientRequestArgs,
    done: (error: Error | null, socket: Socket) => void = () => undefined,
  ): undefined {
    const { hostname, port: proxyPort } = this.#proxy;
    const path = `${host ?? ""}:${port ?? ""}`;
    request({
      method: "CONNECT",
      hostname,
      port: proxyPort,
      path,
      agent: false,
    })
      .on("connect", (_answer, socket: Socket) => {
        // TLS compares the certificate with the host.
        done(
          null,
          this.#tls === undefined
            ? socket
            : connectTls({ ...this.#tls, host: host ?? "", socket }),
        );
      })
      .on("error", (error) => {
        done(error, undefined as never);
      })
      .end();
  }
}
