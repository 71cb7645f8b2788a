/** Connections to resource servers: kept alive, limited, and left alone while a server fails. */
import type { ResourceServer } from "../config/config.js";
import type { OutgoingConfig } from "../config/outgoing-options.js";
import { LoginKitError } from "../base/errors.js";
import {
  HeadTooLong,
  sendOnce,
  type Incoming,
  type Outgoing,
  UploadBroke,
} from "./send-once.js";
import { createKeptConnections } from "./kept-connections.js";
import { createTurns } from "./turns.js";
import { isConnectionCode, whyUnreachable } from "./unreachable.js";

/**
 * Sends a request for a user and resolves when its answer begins.
 *
 * Rejects with `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, or with the
 * reason of `outgoing.over`.
 */
export type Send = (
  server: ResourceServer,
  user: string,
  outgoing: Outgoing,
) => Promise<Incoming>;

/**
 * Creates the sender; connections are kept alive and shared, for each server apart.
 *
 * @param agent what the application wants them to be opened by
 */
export function createSend(agent: OutgoingConfig["agent"]): Send {
  const lines = new Map<ResourceServer, Line>();
  return function send(server, user, outgoing) {
    let line = lines.get(server);
    if (line === undefined) {
      line = openLine(server, agent);
      lines.set(server, line);
    }
    return line(user, outgoing);
  };
}

/** Sends to one server. */
type Line = (user: string, outgoing: Outgoing) => Promise<Incoming>;

type Attempt = (outgoing: Outgoing, closed: () => void) => Promise<Incoming>;

/** One server's connections, and its circuit breaker if it has one. */
function openLine(
  server: ResourceServer,
  agent: OutgoingConfig["agent"],
): Line {
  const { url, maxConnections, circuitBreaker } = server;
  const openRequest = createKeptConnections(url, maxConnections, agent);
  const takeTurn = createTurns(maxConnections);
  const plain: Attempt = (outgoing, closed) =>
    sendOnce(openRequest, outgoing, closed);
  const attempt =
    circuitBreaker === undefined ? plain : withBreaker(plain, circuitBreaker);
  return async function sendInTurn(user, outgoing) {
    const endTurn = await takeTurn(user, outgoing.over);
    try {
      return await attempt(outgoing, endTurn);
    } catch (error) {
      endTurn();
      throw explained(error, server);
    }
  };
}

/** A failure with what it says about the server's address. */
function explained(error: unknown, server: ResourceServer): unknown {
  if (!(error instanceof LoginKitError)) return error;
  if (error.code !== "ERR_RESOURCE_UNAVAILABLE") return error;
  const { message, cause } = error;
  // Our own: the message is the code alone, and nothing of the answer.
  return cause instanceof Error && isConnectionCode(cause.message)
    ? error.with({ message: message + whyUnreachable(server, cause.message) })
    : error;
}

/**
 * What a server, or a gateway before it, answers when it cannot serve anybody
 * (RFC 9110 15.6.3 to 15.6.5). Not 500: one request that it has a fault with
 * says nothing about the others, and could be repeated on purpose.
 */
const OUT_OF_SERVICE = new Set([502, 503, 504]);

/**
 * Leaves a server alone that failed several times in a row: it gets time to
 * recover, and nobody waits for nothing.
 */
function withBreaker(
  attempt: Attempt,
  settings: NonNullable<ResourceServer["circuitBreaker"]>,
): Attempt {
  let breaking: ReturnType<typeof openBreaker> | undefined;
  return async function attemptUnlessOpen(outgoing, closed) {
    breaking ??= openBreaker(settings);
    const { breaker, isBrokenCircuitError } = await breaking;
    try {
      return await breaker.execute(() => attempt(outgoing, closed));
    } catch (error) {
      if (!isBrokenCircuitError(error)) throw error;
      throw new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
        message: `${outgoing.url.origin} failed ${String(settings.failures)} times in a row and is left alone for a while`,
      });
    }
  };
}

async function openBreaker({
  failures,
  seconds,
}: NonNullable<ResourceServer["circuitBreaker"]>) {
  const {
    circuitBreaker,
    ConsecutiveBreaker,
    handleWhen,
    isBrokenCircuitError,
  } = await import("cockatiel");
  const breaker = circuitBreaker(
    handleWhen(isServersFault).orWhenResult((answer) =>
      OUT_OF_SERVICE.has((answer as Incoming).status),
    ),
    {
      halfOpenAfter: seconds * 1000,
      breaker: new ConsecutiveBreaker(failures),
    },
  );
  return { breaker, isBrokenCircuitError };
}

/**
 * Not a browser's that goes away, or stops in the middle of its upload. Nor an
 * upload that breaks: the server may have refused it, and a user could let it
 * do so again and again.
 */
function isServersFault(error: Error): boolean {
  return (
    error instanceof LoginKitError &&
    !(error.cause instanceof UploadBroke) &&
    !(error.cause instanceof HeadTooLong) &&
    (error.code === "ERR_RESOURCE_UNAVAILABLE" ||
      error.code === "ERR_RESOURCE_TIMEOUT")
  );
}
