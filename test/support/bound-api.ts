/** A resource server that takes access tokens with a proof of their key, or by the connection of their certificate, alone. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import {
  createServer as createTlsServer,
  type ServerOptions,
} from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { WebSocketServer } from "ws";

import { createProofCheck, ProofRefused } from "../../demo-app/proof.js";

/** The resource server. It greets WebSockets, and answers `{"sub": ...}` to the rest. */
export interface BoundApi {
  readonly url: string;
  /** What came and what was answered, such as `DPoP 401 use_dpop_nonce`. */
  readonly answers: string[];
  readonly close: () => Promise<void>;
}

/** What it trusts. */
export interface BoundApiOptions {
  readonly issuer: string;
  readonly audience: string;
  /** Tokens are bound to certificates of this authority. Default: to keys, with a nonce in each proof. */
  readonly tls?: ServerOptions | undefined;
}

const NONCE = "a-nonce-of-the-api";

/** Starts one; close it in the end. */
export async function boundApi(options: BoundApiOptions): Promise<BoundApi> {
  const { tls } = options;
  const server =
    tls === undefined
      ? createServer()
      : createTlsServer({
          ...tls,
          requestCert: true,
          rejectUnauthorized: false,
        });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  const answers: string[] = [];
  const webSockets = new WebSocketServer({ noServer: true });
  const check = createCheck(url, options);
  const judge = async (req: IncomingMessage): Promise<Verdict> => {
    const verdict = await check(req);
    const [scheme = ""] = (req.headers.authorization ?? "").split(" ");
    answers.push(
      "sub" in verdict ? `${scheme} 200` : `${scheme} 401 ${verdict.error}`,
    );
    return verdict;
  };
  server.on("request", (req: IncomingMessage, res: ServerResponse) => {
    void judge(req).then((verdict) => {
      res.writeHead("sub" in verdict ? 200 : 401, {
        "content-type": "application/json",
        ...headersOf(verdict),
      });
      res.end(JSON.stringify(verdict));
    });
  });
  server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    void judge(req).then((verdict) => {
      if ("sub" in verdict) {
        webSockets.handleUpgrade(req, socket, head, (webSocket) => {
          webSocket.send(`hello ${verdict.sub}`);
        });
        return;
      }
      const headers = Object.entries(headersOf(verdict)).map((pair) =>
        pair.join(": "),
      );
      socket.end(
        `HTTP/1.1 401 Unauthorized\r\n${headers.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`,
      );
    });
  });
  return {
    url,
    answers,
    async close() {
      for (const client of webSockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Verdict =
  | { readonly sub: string }
  | { readonly error: string; readonly scheme: string };

function headersOf(verdict: Verdict): Record<string, string> {
  if ("sub" in verdict) return {};
  const { scheme, error } = verdict;
  return {
    "WWW-Authenticate": `${scheme} error="${error}"`,
    ...(scheme === "DPoP" && { "DPoP-Nonce": NONCE }),
  };
}

function createCheck(url: string, { issuer, audience, tls }: BoundApiOptions) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const checkProof = createProofCheck(() => NONCE);
  const scheme = tls === undefined ? "DPoP" : "Bearer";

  return async function check(req: IncomingMessage): Promise<Verdict> {
    const [sentBy, token = ""] = (req.headers.authorization ?? "").split(" ");
    if (sentBy !== scheme) return { scheme, error: "invalid_token" };
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, audience });
      const cnf = payload["cnf"] as Record<string, unknown> | undefined;
      if (tls !== undefined) {
        if (cnf?.["x5t#S256"] !== thumbprintOf(req)) {
          return { scheme, error: "invalid_token" };
        }
        return { sub: String(payload.sub) };
      }
      await checkProof({
        proof: req.headers["dpop"] as string | undefined,
        method: String(req.method),
        url: url + new URL(req.url ?? "", url).pathname,
        accessToken: token,
        thumbprint: cnf?.["jkt"],
      });
      return { sub: String(payload.sub) };
    } catch (error) {
      if (error instanceof ProofRefused) return { scheme, error: error.code };
      if (error instanceof errors.JOSEError) {
        return { scheme, error: "invalid_token" };
      }
      throw error;
    }
  };
}

/** Of the certificate that the client has shown, if its authority is known. */
function thumbprintOf({ socket }: IncomingMessage): string {
  return socket instanceof TLSSocket && socket.authorized
    ? createHash("sha256")
        .update(socket.getPeerCertificate().raw)
        .digest("base64url")
    : "no certificate";
}
