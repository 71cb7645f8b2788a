/** A certificate that nobody vouches for, and an HTTPS server with it. */
import { createPrivateKey } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

import type { Party } from "./world.js";

/** For 127.0.0.1, from 2020 to 2120, signed by itself. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBSjCB8aADAgECAgEBMAoGCCqGSM49BAMCMBQxEjAQBgNVBAMMCTEyNy4wLjAu
MTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAGA1UEAwwJ
MTI3LjAuMC4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/FPNtEQZ9yeHnszq
iu5K7Y+zZErxXh4Zn7sAiPeIywwSPsdi3MIYRiRLpueN+MoIzPbwBEf7BLUZ8yHr
53uc3KMyMDAwDwYDVR0RBAgwBocEfwAAATAdBgNVHQ4EFgQUAwv2o35Q6aWvsEwZ
whIFjaynhCkwCgYIKoZIzj0EAwIDSAAwRQIgNdZ+LhqNv74tTOe4YxeNAHq7b2Gx
aSg3/+6/oKpB7+ICIQCgW4/6pdZz2FLbsp20fktvZ3jVjGJjK3uV5skf6m0/xg==
-----END CERTIFICATE-----
`;

/** Of the certificate, in PEM. It protects nothing. */
export const PRIVATE_KEY: string = createPrivateKey({
  format: "jwk",
  key: {
    kty: "EC",
    crv: "P-256",
    x: "_FPNtEQZ9yeHnszqiu5K7Y-zZErxXh4Zn7sAiPeIyww",
    y: "Ej7HYtzCGEYkS6bnjfjKCMz28ARH-wS1GfMh6-d7nNw",
    d: "D-9DeKhFUlk2SEBNqNkRjejxaS19muehS9v8HRkd-HQ",
  },
})
  .export({ type: "pkcs8", format: "pem" })
  .toString();

/** The server; it answers everything with `200 {}`. */
export interface SelfSignedServer extends Party {
  /** Paths of all requests so far. */
  readonly requests: readonly string[];
}

/** Starts one; close it in the end. */
export async function selfSignedServer(): Promise<SelfSignedServer> {
  const requests: string[] = [];
  const settings = { key: PRIVATE_KEY, cert: CERTIFICATE };
  const server = createServer(settings, (req, res) => {
    requests.push(req.url ?? "");
    res.setHeader("Content-Type", "application/json").end("{}");
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    requests,
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
