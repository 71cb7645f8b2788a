/** Opens a WebSocket to a resource server, for a browser that asked for one. */
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ResourceServer } from "../config/config.js";
import type { OutgoingConfig } from "../config/outgoing-options.js";
import { LoginKitError } from "../base/errors.js";
import { connectionCode, whyUnreachable } from "../resource/unreachable.js";
import { witness } from "../telling/witness.js";
import { agentFor, closeIdle } from "../resource/outgoing-agent.js";

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
 *
 * @param outgoing what the application wants the connection to be opened by
 */
export async function sendUpgrade(
  upgrade: OutgoingUpgrade,
  outgoing: OutgoingConfig["agent"],
): Promise<IncomingUpgrade> {
  const { url, over } = upgrade;
  const agent = agentFor(outgoing, url, url.pathname + url.search);
  // A connection of its own: it never serves another request.
  const first = await attempt(upgrade, agent ?? false);
  if (first !== "stale" || agent === undefined) return answered(first, url);
  over.throwIfAborted();
  closeIdle(agent, url);
  return answered(await attempt(upgrade, agent), url);
}

function answered(
  result: IncomingUpgrade | "stale",
  url: URL,
): IncomingUpgrade {
  if (result !== "stale") return result;
  throw noAnswer("ERR_RESOURCE_UNAVAILABLE", url);
}

/** `stale`: the agent took a connection that had waited, and it broke before an answer. */
async function attempt(
  { server, url, headers, over }: OutgoingUpgrade,
  agent: Agent | false,
): Promise<IncomingUpgrade | "stale"> {
  const { request } =
    url.protocol === "https:"
      ? await import("node:https")
      : await import("node:http");
  return new Promise((resolve, reject) => {
    const upgrade: ClientRequest = request(url, {
      agent,
      signal: over,
      headers: { ...headers, connection: "Upgrade", upgrade: "websocket" },
    });
    const answered = witness()?.sent({
      to: "resource",
      method: "GET",
      url: url.href,
      headers: Object.entries(upgrade.getHeaders()),
    });
    const timer = setTimeout(() => {
      reject(noAnswer("ERR_RESOURCE_TIMEOUT", url));
      upgrade.destroy();
    }, server.timeoutSeconds * 1000);
    upgrade.on("upgrade", (answer, socket, head) => {
      clearTimeout(timer);
      const { headers } = answer;
      answered?.({ status: 101, headers: Object.entries(headers) });
      resolve({ status: 101, headers, upstream: { socket, head } });
    });
    upgrade.on("response", (answer) => {
      clearTimeout(timer);
      const { statusCode: status = 502, headers } = answer;
      answered?.({ status, headers: Object.entries(headers) });
      resolve({ status, headers, upstream: undefined });
      answer.destroy();
    });
    upgrade.on("error", (error) => {
      clearTimeout(timer);
      answered?.(undefined);
      if (over.aborted) reject(over.reason as Error);
      else if (upgrade.reusedSocket) resolve("stale");
      else {
        const code = connectionCode(error);
        const why = code === undefined ? "" : whyUnreachable(server, code);
        reject(noAnswer("ERR_RESOURCE_UNAVAILABLE", url, why));
      }
    });
    upgrade.end();
  });
}

function noAnswer(
  code: "ERR_RESOURCE_TIMEOUT" | "ERR_RESOURCE_UNAVAILABLE",
  url: URL,
  why = "",
): LoginKitError {
  return new LoginKitError(code, {
    message: `no answer from ${url.origin}${why}`,
  });
}
