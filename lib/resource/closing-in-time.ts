/** Closes a connection that waits before what a server says on it could be taken for an answer. */
import type * as http from "node:http";
import type { Socket } from "node:net";

/** How long a connection waits: less than the five seconds after which many servers close it. */
export const KEPT_MS = 4000;

/**
 * What a server that says how long it waits gets less: a
 * request takes its time to it, and is lost where it has closed meanwhile.
 */
const MARGIN_MS = 1000;

/** How long connections may wait whose server closes them early, in milliseconds. */
const shorter = new WeakMap<Socket, number>();

/** Reads `Keep-Alive`, which tells after how many seconds the server closes a connection that waits. */
export function noteKeepAlive({ headers, socket }: http.IncomingMessage): void {
  const announced = headers["keep-alive"];
  if (announced === undefined) return;
  const seconds = /\btimeout\s*=\s*"?(\d+)/i.exec(String(announced))?.[1];
  if (seconds === undefined) return;
  const wait = Number(seconds) * 1000 - MARGIN_MS;
  if (wait < KEPT_MS) shorter.set(socket, wait);
}

/** Agents that do so already: an application's own serves several resource servers. */
const closing = new WeakSet<http.Agent>();

/** The methods of an agent that may be replaced (Node's documentation of `http.Agent`). */
interface KeepingAgent extends http.Agent {
  keepSocketAlive: (socket: Socket) => boolean;
  reuseSocket: (socket: Socket, request: http.ClientRequest) => void;
}

/**
 * What a server says before it was asked again would be taken for the answer
 * to whoever asks next, somebody else maybe. Such a connection is closed, and
 * one that the server is about to close.
 */
export function closingInTime(given: http.Agent): http.Agent {
  const agent = given as KeepingAgent;
  if (closing.has(agent)) return agent;
  closing.add(agent);
  const keep = agent.keepSocketAlive.bind(agent);
  const reuse = agent.reuseSocket.bind(agent);
  agent.keepSocketAlive = (socket) => {
    if (socket.readableLength > 0 || !keep(socket)) return false;
    const wait = shorter.get(socket);
    if (wait !== undefined) {
      if (wait <= 0) return false;
      socket.setTimeout(wait);
    }
    socket.on("data", close);
    return true;
  };
  agent.reuseSocket = (socket, request) => {
    socket.off("data", close);
    reuse(socket, request);
  };
  return agent;
}

function close(this: Socket): void {
  this.destroy();
}
