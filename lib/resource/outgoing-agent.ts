/** The option `agent`: what opens connections to resource servers in place of the kit. */
import { Agent } from "node:http";
import { urlToHttpOptions } from "node:url";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { fits, type OutgoingConfig } from "../config/outgoing-options.js";
import { closingInTime } from "./closing-in-time.js";

/**
 * The application's agent for a request to this server; undefined where the
 * kit's own is meant.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for a function that gives something else, `ERR_RESOURCE_UNAVAILABLE` for one that fails
 */
export function agentFor(
  outgoing: OutgoingConfig["agent"],
  server: URL,
  path: string,
): Agent | undefined {
  if (outgoing === undefined) return undefined;
  const agent: unknown =
    outgoing instanceof Agent
      ? outgoing
      : chosen(outgoing, new URL(server.origin + path));
  if (agent === undefined) return undefined;
  if (!(agent instanceof Agent) || !fits(agent, server)) {
    throw new ConfigError([
      `agent: gave for ${server.origin} what is no agent for ${server.protocol}; give an http.Agent for http:, an https.Agent for https:, or undefined`,
    ]);
  }
  return closingInTime(agent);
}

function chosen(choose: (url: URL) => unknown, url: URL): unknown {
  try {
    return choose(url);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
      message: `no agent for ${url.origin}: the function agent of the options failed: ${printable(text)}`,
    });
  }
}

/** Closes the connections to this server that wait, so that the next request opens one. */
export function closeIdle(agent: Agent, server: URL): void {
  const { hostname = "" } = urlToHttpOptions(server);
  for (const [name, sockets] of Object.entries(agent.freeSockets)) {
    // As `getName` begins (Node's documentation of `http.Agent`).
    if (!name.startsWith(`${hostname}:`)) continue;
    for (const socket of sockets ?? []) socket.destroy();
  }
}
