/** Connections to a resource server that wait for the next request. */
import * as http from "node:http";
import * as https from "node:https";
import { urlToHttpOptions } from "node:url";
import type { OutgoingConfig } from "../config/outgoing-options.js";
import { closingInTime, KEPT_MS } from "./closing-in-time.js";
import { agentFor, closeIdle } from "./outgoing-agent.js";
import type { PassedHeaders } from "./request-headers.js";

/** The head of a request. */
export interface OpenedHead {
  readonly method: string;
  readonly path: string;
  readonly headers: PassedHeaders;
}

/** Opens a request to the server, over a connection that waits or over a new one, or else over one that is new and serves nobody else. */
export type OpenRequest = (
  head: OpenedHead,
  onNewConnection: boolean,
) => http.ClientRequest;

/**
 * Keeps connections to the server of this URL. How many are in use at the same
 * time is decided elsewhere.
 *
 * @param outgoing what the application wants them to be opened by
 */
export function createKeptConnections(
  url: URL,
  maxConnections: number,
  outgoing: OutgoingConfig["agent"],
): OpenRequest {
  const options: http.AgentOptions = {
    keepAlive: true,
    maxFreeSockets: maxConnections,
    timeout: KEPT_MS,
  };
  const [kept, { request }] =
    url.protocol === "https:"
      ? [new https.Agent(options), https]
      : [new http.Agent(options), http];
  const own = closingInTime(kept);
  const { hostname, port } = urlToHttpOptions(url);
  const { host } = url;
  return function openRequest({ method, path, headers }, onNewConnection) {
    const given = agentFor(outgoing, url, path);
    // Only the application's agent knows the way: what is new is its own too.
    if (onNewConnection && given !== undefined) closeIdle(given, url);
    return request({
      agent: given ?? (onNewConnection ? false : own),
      hostname,
      port,
      method,
      path,
      // An application's agent may write the head anew, and does not find a list.
      headers: given === undefined ? listed(host, headers) : headers,
    });
  };
}

/** As Node writes it without looking at it once more. */
function listed(host: string, headers: PassedHeaders): string[] {
  const list = ["host", host];
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === "string") list.push(name, value);
    else for (const one of value ?? []) list.push(name, one);
  }
  return list;
}
