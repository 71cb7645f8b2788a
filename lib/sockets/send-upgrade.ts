/** Opens a WebSocket to a resource server, for a browser that asked for one. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ResourceServer } from "../config/config.js";
import { LoginKitError } from "../base/errors.js";

/** A request to switch to WebSocket. */
export interface OutgoingUpgrade {
  readonly server: ResourceServer;
  readonly url: URL;
  readonly headers: Record<string, string | string[]>;
  /** Aborted, with the reason to reject with, when nobody waits any more. */
  readonly over: AbortSignal;
}

/** What became of it. */
export interface IncomingUpgrade {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** Undefined: the server refused. */
  readonly upstream: Upstream | undefined;
}

/** An open WebSocket of a resource server. */
export interface Upstream {
  readonly socket: Duplex;
  /** What the server said right after its answer. */
  readonly head: Buffer;
}

/**
 * Sends the request and resolves with the connection, or with the refusal.
 *
 * Rejects with `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, or with the
 * reason of `over`.
 */
export async function sendUpgrade({
  server,
  url,
  headers,
  over,
}: OutgoingUpgrade): Promise<IncomingUpgrade> {
  const { request } =
    url.protocol === "https:"
      ? await import("node:https")
      : await import("node:http");
  return new Promise((resolve, reject) => {
    const failed = (
      code: "ERR_RESOURCE_TIMEOUT" | "ERR_RESOURCE_UNAVAILABLE",
    ): void => {
      reject(
        new LoginKitError(code, { message: `no answer from ${url.origin}` }),
      );
    };
    const upgrade: ClientRequest = request(url, {
      // A connection of its own: it never serves another request.
      agent: false,
      signal: over,
      headers: { ...headers, connection: "Upgrade", upgrade: "websocket" },
    });
    const timer = setTimeout(() => {
      failed("ERR_RESOURCE_TIMEOUT");
      upgrade.destroy();
    }, server.timeoutSeconds * 1000);
    upgrade.on("upgrade", (answer, socket, head) => {
      clearTimeout(timer);
      const { headers } = answer;
      resolve({ status: 101, headers, upstream: { socket, head } });
    });
    upgrade.on("response", (answer) => {
      clearTimeout(timer);
      const { statusCode: status = 502, headers } = answer;
      resolve({ status, headers, upstream: undefined });
      answer.destroy();
    });
    upgrade.on("error", () => {
      clearTimeout(timer);
      if (over.aborted) reject(over.reason as Error);
      else failed("ERR_RESOURCE_UNAVAILABLE");
    });
    upgrade.end();
  });
}
