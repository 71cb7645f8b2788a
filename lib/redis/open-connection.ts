/** Makes node-redis's three kinds of client, with settings that fail fast and recover. */
import { createClient, createCluster, createSentinel } from "redis";
import {
  connectionFailure,
  type ConnectionFailure,
} from "./connection-failure.js";
import { accessIn, withTls } from "./redis-access.js";
import type { RedisConnectionOptions, RedisLocation } from "./redis-options.js";
import { createReplaceableClient } from "./replaceable-client.js";

/** What the three kinds of client have in common for us. */
export interface Connection {
  readonly client: {
    readonly isOpen: boolean;
    connect: () => Promise<unknown>;
    destroy: () => unknown;
    on: (event: "error", listener: (error: Error) => void) => unknown;
  };
  readonly ping: () => Promise<unknown>;
  /** An error that the client reports, in words. */
  readonly reported: (error: unknown) => Error;
  /** An error with which the client gave up connecting, in words. */
  readonly gaveUp: (error: unknown) => Error;
  /** Why connecting is hopeless, if it is; never after it has worked once. */
  readonly refusal: () => Error | undefined;
  /** From now on a refusal may be a password that is just being changed. */
  readonly connected: () => void;
  /** Ends the attempts to connect. */
  readonly stop: () => void;
}

const CONNECT_TIMEOUT_MS = 1000;
/** The same behind Sentinel, where the attempt as a whole has its own limit: for slow networks, and processes that hardly get a CPU. */
const SENTINEL_CONNECT_TIMEOUT_MS = 5000;
const SOCKET_TIMEOUT_MS = 5000;

/** First and longest pause between two attempts. */
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1000;

/** Keeps connections from timing out that hear nothing for long: those that listen to a channel. In milliseconds. */
const PING_INTERVAL_MS = 2000;

/** Makes the client; `connect()` is the caller's. */
export function openConnection(options: RedisConnectionOptions): Connection {
  const failures = createFailures();
  const settings = settingsOf(options, failures);
  if ("url" in options) return ofOneServer(options.url, settings, failures);
  return "sentinel" in options
    ? ofSentinel(options.sentinel, settings, failures)
    : ofCluster(options.cluster.urls, settings, failures);
}

/** What is known of attempts to connect. */
interface Failures extends Pick<
  Connection,
  "reported" | "gaveUp" | "refusal" | "connected" | "stop"
> {
  readonly note: (failure: ConnectionFailure) => Error;
  /** What to give up with after this one; undefined: it is worth another attempt. */
  readonly hopelessAfter: (cause: Error) => Error | undefined;
}

function createFailures(): Failures {
  let refusal: Error | undefined;
  let connectedOnce = false;
  let stopped = false;
  const note = ({ error, hopeless }: ConnectionFailure): Error => {
    if (hopeless && !connectedOnce) refusal ??= error;
    return error;
  };
  return {
    note,
    hopelessAfter(cause) {
      if (stopped) return cause;
      const failure = connectionFailure(cause);
      const error = note(failure);
      return failure.hopeless && !connectedOnce ? error : undefined;
    },
    reported: (error) => note(connectionFailure(error)),
    gaveUp: (error) => note(connectionFailure(error)),
    refusal: () => refusal,
    connected: () => {
      connectedOnce = true;
      refusal = undefined;
    },
    stop: () => {
      stopped = true;
    },
  };
}

/** What each connection to a server of the data has. */
function settingsOf(options: RedisConnectionOptions, failures: Failures) {
  const access = withTls(options.options);
  return {
    // A queue would make requests wait, and what it holds is sent even if the
    // server refuses the credentials.
    disableOfflineQueue: true,
    commandsQueueMaxLength: 2000,
    // node-redis's own timeout ends when a command is written, and costs more
    // than the command. The kit has a deadline of its own. It asks for bytes
    // with a typeMapping for the command; to add one where none is, and not
    // to replace it, takes V8 half as long again as the command.
    commandOptions: { timeout: 0, typeMapping: {} },
    ...access,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      ...access.socket,
      reconnectStrategy(retries: number, cause: Error): number | Error {
        const error = failures.hopelessAfter(cause);
        if (error !== undefined) return error;
        const delay = Math.min(
          LONGEST_RETRY_MS,
          FIRST_RETRY_MS * 2 ** Math.min(retries, 6),
        );
        return Math.round(delay * (0.5 + Math.random() / 2));
      },
    },
  };
}

type SentinelLocation = Extract<RedisLocation, { readonly sentinel: object }>;

type Settings = ReturnType<typeof settingsOf>;

function ofOneServer(
  url: string,
  settings: Settings,
  failures: Failures,
): Connection {
  const client = createClient({ ...settings, url });
  client.on("ready", failures.connected);
  return { ...failures, client, ping: () => client.ping() };
}

function ofSentinel(
  { name, nodes, options }: SentinelLocation["sentinel"],
  settings: Settings,
  failures: Failures,
): Connection {
  const sentinels = withTls(options);
  const connectTimeout = SENTINEL_CONNECT_TIMEOUT_MS;
  const client = createReplaceableClient((attempt) => {
    // A Sentinel that hangs is asked last the next time.
    const first = attempt % nodes.length;
    return createSentinel({
      name,
      sentinelRootNodes: [...nodes.slice(first), ...nodes.slice(0, first)],
      nodeClientOptions: {
        ...settings,
        socket: { ...settings.socket, connectTimeout },
        pingInterval: PING_INTERVAL_MS,
      },
      sentinelClientOptions: {
        ...sentinels,
        socket: { ...sentinels.socket, connectTimeout },
      },
      // A command whose connection broke is not sent a second time: its first
      // sending may have worked. The scan notices a new primary instead.
      maxCommandRediscovers: 0,
      scanInterval: 1000,
    } as object as Parameters<typeof createSentinel>[0]);
  });
  return {
    ...failures,
    // While it connects, only the Sentinels' errors are reported as events.
    reported: (error) => failures.note(connectionFailure(error, "Sentinel")),
    client,
    ping: () => client.ping(),
  };
}

function ofCluster(
  urls: readonly string[],
  settings: Settings,
  failures: Failures,
): Connection {
  const inUrls = accessIn(urls);
  const client = createCluster({
    rootNodes: urls.map((url) => ({ url })),
    defaults: {
      ...settings,
      ...inUrls,
      socket: { ...settings.socket, ...inUrls.socket },
      pingInterval: PING_INTERVAL_MS,
    },
    topologyRefreshOnReconnectionAttemptStrategy: 500,
  });
  return {
    ...failures,
    client,
    // One primary that hangs must not take the others away: its own keys have
    // the kit's deadline.
    ping: () =>
      Promise.any(
        client.masters.map(async (node) =>
          (await client.nodeClient(node)).ping(),
        ),
      ),
  };
}
