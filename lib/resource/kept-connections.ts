/** Connections to a resource server that wait for the next request. */
import * as http from "node:http";
import * as https from "node:https";
import type { Duplex } from "node:stream";
import { urlToHttpOptions } from "node:url";

/** How long a connection waits, in milliseconds: less than the five seconds after which many servers close it. */
const KEPT = 4000;

/** Opens a request to the server, over a connection that waits or over a new one. */
export type OpenRequest = (
  options: Pick<http.RequestOptions, "method" | "path" | "headers">,
) => http.ClientRequest;

/** Keeps connections to the server of this URL. How many are in use at the same time is decided elsewhere. */
export function createKeptConnections(
  url: URL,
  maxConnections: number,
): OpenRequest {
  const options: http.AgentOptions = {
    keepAlive: true,
    maxFreeSockets: maxConnections,
    timeout: KEPT,
  };
  const [kept, { request }] =
    url.protocol === "https:"
      ? [new https.Agent(options), https]
      : [new http.Agent(options), http];
  const agent = closingTalkative(kept as KeepingAgent);
  const { hostname, port } = urlToHttpOptions(url);
  return function openRequest({ method, path, headers }) {
    return request({ agent, hostname, port, method, path, headers });
  };
}

/** The two methods of an agent that may be replaced (Node's documentation of `http.Agent`). */
interface KeepingAgent extends http.Agent {
  keepSocketAlive: (socket: Duplex) => boolean;
  reuseSocket: (socket: Duplex, request: http.ClientRequest) => void;
}

/**
 * What a server says before it was asked again would be taken for the answer
 * to whoever asks next, somebody else maybe. Such a connection is closed.
 */
function closingTalkative(agent: KeepingAgent): http.Agent {
  const keep = agent.keepSocketAlive.bind(agent);
  const reuse = agent.reuseSocket.bind(agent);
  agent.keepSocketAlive = (socket) => {
    if (socket.readableLength > 0 || !keep(socket)) return false;
    socket.on("data", close);
    return true;
  };
  agent.reuseSocket = (socket, request) => {
    socket.off("data", close);
    reuse(socket, request);
  };
  return agent;
}

function close(this: Duplex): void {
  this.destroy();
}
