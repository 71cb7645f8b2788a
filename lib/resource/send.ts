/** Connections to resource servers: kept alive, limited, and left alone while a server fails. */
import type { ResourceServer } from "../config.js";
import { LoginKitError } from "../errors.js";
import { exchange, type Incoming, type Outgoing } from "./exchange.js";

/** How long a connection may take to open, in milliseconds. */
const CONNECT_TIMEOUT = 5000;

/**
 * Sends a request and resolves when its answer begins.
 *
 * Rejects with `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, or with the
 * reason of `outgoing.over`.
 */
export type Send = (
  server: ResourceServer,
  outgoing: Outgoing,
) => Promise<Incoming>;

/** Creates the sender; connections are kept alive and shared, for each server apart. */
export function createSend(): Send {
  const lines = new Map<ResourceServer, Promise<Line>>();
  return async function send(server, outgoing) {
    let line = lines.get(server);
    if (line === undefined) {
      line = openLine(server);
      lines.set(server, line);
    }
    return (await line)(outgoing);
  };
}

type Line = (outgoing: Outgoing) => Promise<Incoming>;

/** One server's connections, and its circuit breaker if it has one. */
async function openLine(server: ResourceServer): Promise<Line> {
  // undici takes longer to load than everything else here: on first use.
  const { Agent } = await import("undici");
  const agent = new Agent({
    connections: server.maxConnections,
    connect: { timeout: CONNECT_TIMEOUT },
  });
  const line: Line = (outgoing) => exchange(agent, outgoing);
  return server.circuitBreaker === undefined
    ? line
    : withBreaker(line, server.circuitBreaker);
}

/**
 * Leaves a server alone that failed several times in a row: it gets time to
 * recover, and nobody waits for nothing.
 */
async function withBreaker(
  line: Line,
  { failures, seconds }: NonNullable<ResourceServer["circuitBreaker"]>,
): Promise<Line> {
  const {
    circuitBreaker,
    ConsecutiveBreaker,
    handleWhen,
    isBrokenCircuitError,
  } = await import("cockatiel");
  const breaker = circuitBreaker(
    handleWhen(isServersFault).orWhenResult(
      (answer) => (answer as Incoming).status >= 500,
    ),
    {
      halfOpenAfter: seconds * 1000,
      breaker: new ConsecutiveBreaker(failures),
    },
  );
  return async function sendUnlessOpen(outgoing) {
    try {
      return await breaker.execute(() => line(outgoing));
    } catch (error) {
      if (!isBrokenCircuitError(error)) throw error;
      throw new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
        message: `${outgoing.url.origin} failed ${String(failures)} times in a row and is left alone for a while`,
      });
    }
  };
}

/** Not a browser's that goes away, or stops in the middle of its upload. */
function isServersFault(error: Error): boolean {
  return (
    error instanceof LoginKitError &&
    (error.code === "ERR_RESOURCE_UNAVAILABLE" ||
      error.code === "ERR_RESOURCE_TIMEOUT")
  );
}
