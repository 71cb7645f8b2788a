/** An HTTPS server of an authority of its own, for clients with a certificate of that authority only. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";

import { createAuthority } from "./certificates.js";

/** The server; it answers with the beginning of the `Authorization` that came. */
export interface MutualTlsServer {
  readonly url: string;
  readonly server: Server;
  /** What a client needs, as options of TLS. */
  readonly trust: {
    readonly ca: string;
    readonly cert: Buffer;
    readonly key: Buffer;
  };
  /** Connections whose client has shown its certificate. */
  readonly connections: () => number;
  readonly close: () => Promise<void>;
}

/** Starts one; close it in the end. */
export async function mutualTlsServer(): Promise<MutualTlsServer> {
  const authority = createAuthority();
  const { ca } = authority;
  const sign = (names: string) => {
    const { cert, key } = authority.sign(names);
    return { cert: readFileSync(cert), key: readFileSync(key) };
  };
  const server = createServer(
    { ...sign("IP:127.0.0.1"), ca, requestCert: true },
    ({ headers }, res) => {
      res.end(headers.authorization?.slice(0, 6) ?? "nobody");
    },
  );
  let connections = 0;
  server.on("secureConnection", (socket) => {
    if (socket.authorized) connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    trust: { ca, ...sign("DNS:shop.example") },
    connections: () => connections,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      authority.remove();
    },
  };
}
