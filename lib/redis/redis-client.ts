/** A node-redis client that fails fast and recovers by itself: `express-login-kit/redis`. */
import { createClient, createCluster, createSentinel } from "redis";
import { withinDeadline } from "../deadline.js";
import type { RedisClient } from "../login-store/redis-command.js";

/** Where Redis is. Credentials and TLS go into the URL (`rediss://user:password@host:port`) or `options`. */
export type RedisLocation =
  | { readonly url: string }
  | {
      readonly sentinel: {
        /** The name under which the sentinels watch the primary. */
        readonly name: string;
        readonly nodes: readonly {
          readonly host: string;
          readonly port: number;
        }[];
      };
    }
  | {
      readonly cluster: {
        /** URLs of some of the nodes; the others are found through them. */
        readonly urls: readonly string[];
      };
    };

/** Options of {@link redisClient}. */
export type RedisConnectionOptions = RedisLocation & {
  /** Further node-redis options for every connection: username, password, socket.tls. */
  readonly options?: {
    readonly username?: string;
    readonly password?: string;
    readonly socket?: { readonly tls?: true; readonly ca?: string };
  };
  /** Told about connection errors. Default: `console.warn`, at most once in 10 seconds. */
  readonly onError?: (error: Error) => void;
  /** How long to wait for the first connection before going on without it, in seconds. Default 2. */
  readonly connectSeconds?: number;
};

/** The client, ready for `createLoginKit({ redis })`. */
export interface ManagedRedisClient extends RedisClient {
  /** Whether `close` was called. */
  readonly isClosed: boolean;
  /** Stops the watchdog and closes the connection. */
  close: () => Promise<void>;
}

/** How often the watchdog asks, in milliseconds. */
const PING_EVERY = 500;

/** How long a connection may leave a PING unanswered, in milliseconds. */
const PING_WITHIN = 1000;

/** Pause between attempts to reconnect what does not do so by itself, in milliseconds. */
const RECONNECT_EVERY = 500;

/** Connection errors are told at most so often, in milliseconds. */
const WARN_EVERY = 10_000;

/** What Redis says to credentials or a database that can never work. */
const REFUSED =
  /^(?:WRONGPASS|NOAUTH|NOPERM|ERR (?:DB index|invalid password|AUTH))/;

/**
 * Connects to Redis.
 *
 * A command fails at once while Redis is away; a server that hangs is noticed
 * by a watchdog within about 1.5 s, and the client connects anew until it can.
 * Resolves although Redis is down; rejects when Redis refuses the credentials.
 */
export async function redisClient(
  options: RedisConnectionOptions,
): Promise<ManagedRedisClient> {
  const connection = open(options);
  const { client } = connection;
  const onError = options.onError ?? warnSometimes();
  client.on("error", (error) => {
    connection.failed(error);
    onError(error);
  });

  let closed = false;
  let connecting = false;
  const connect = async (): Promise<void> => {
    connecting = true;
    try {
      await client.connect();
      connection.connected();
      // A connection that was being opened does not notice that it was destroyed.
      if (isClosed()) client.destroy();
    } catch (error) {
      connection.failed(error);
      const refusal = connection.refusal();
      if (refusal !== undefined) throw refusal;
      // Sentinel and Cluster give up here; a single client tries by itself.
      setTimeout(restart, RECONNECT_EVERY).unref();
    } finally {
      connecting = false;
    }
  };
  const isClosed = (): boolean => closed;
  const restart = (): void => {
    // While it is connecting, another attempt would leave two connections.
    if (closed || connecting) return;
    if (client.isOpen) client.destroy();
    void connect().catch(() => undefined);
  };

  const first = connect();
  await withinDeadline(
    first,
    (options.connectSeconds ?? 2) * 1000,
    () => new NotConnectedYet(),
  ).catch((error: unknown) => {
    if (!(error instanceof NotConnectedYet)) throw error;
    first.catch(() => undefined);
  });

  const watchdog = setInterval(() => {
    if (!client.isOpen) {
      restart();
      return;
    }
    withinDeadline(
      connection.ping(),
      PING_WITHIN,
      () => new NotConnectedYet(),
    ).catch((error: unknown) => {
      // Any other error is an answer of sorts: the connection is being restored.
      if (error instanceof NotConnectedYet) restart();
    });
  }, PING_EVERY).unref();

  // The three kinds of client have no common type in node-redis; the contract
  // suite runs on all of them.
  const managed = Object.assign(client as unknown as RedisClient, {
    isClosed: false,
    close() {
      managed.isClosed = closed = true;
      connection.stop();
      clearInterval(watchdog);
      if (client.isOpen) client.destroy();
      return Promise.resolve();
    },
  });
  return managed;
}

class NotConnectedYet extends Error {}

/** What the three kinds of client have in common for us. */
interface Connection {
  readonly client: {
    readonly isOpen: boolean;
    connect: () => Promise<unknown>;
    destroy: () => unknown;
    on: (event: "error", listener: (error: Error) => void) => unknown;
  };
  readonly ping: () => Promise<unknown>;
  /** Why connecting is hopeless, if it is; never after it has worked once. */
  readonly refusal: () => Error | undefined;
  /** Looks whether an error is a refusal: a Cluster reports its own, and rejects with another. */
  readonly failed: (error: unknown) => void;
  /** From now on a refusal may be a password that is just being changed. */
  readonly connected: () => void;
  /** Ends the attempts to connect. */
  readonly stop: () => void;
}

function open(options: RedisConnectionOptions): Connection {
  let refusal: Error | undefined;
  let connectedOnce = false;
  let stopped = false;
  const settings = {
    // A queue would make requests wait, and what it holds is sent even if the
    // server refuses the credentials.
    disableOfflineQueue: true,
    commandsQueueMaxLength: 2000,
    // node-redis's own timeout ends when a command is written, and costs more
    // than the command. The kit has a deadline of its own.
    commandOptions: { timeout: 0 },
    ...options.options,
    socket: {
      connectTimeout: 1000,
      socketTimeout: 5000,
      ...options.options?.socket,
      reconnectStrategy(retries: number, cause: Error): number | Error {
        if (stopped) return cause;
        if (!connectedOnce && REFUSED.test(cause.message)) {
          refusal = cause;
          return cause;
        }
        const delay = Math.min(1000, 50 * 2 ** Math.min(retries, 6));
        return Math.round(delay * (0.5 + Math.random() / 2));
      },
    },
  };
  const rest = {
    refusal: () => refusal,
    failed: (error: unknown) => {
      if (!connectedOnce) refusal ??= refusalIn(error);
    },
    connected: () => {
      connectedOnce = true;
      refusal = undefined;
    },
    stop: () => {
      stopped = true;
    },
  };
  if ("url" in options) {
    const client = createClient({ ...settings, url: options.url });
    client.on("ready", rest.connected);
    return { ...rest, client, ping: () => client.ping() };
  }
  if ("sentinel" in options) {
    const { name, nodes } = options.sentinel;
    const client = createSentinel({
      name,
      sentinelRootNodes: [...nodes],
      nodeClientOptions: settings,
      // A command whose connection broke is not sent a second time: its first
      // sending may have worked. The scan notices a new primary instead.
      maxCommandRediscovers: 0,
      scanInterval: 1000,
    });
    return { ...rest, client, ping: () => client.ping() };
  }
  const client = createCluster({
    rootNodes: options.cluster.urls.map((url) => ({ url })),
    defaults: settings,
    topologyRefreshOnReconnectionAttemptStrategy: 500,
  });
  return {
    ...rest,
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

/** The refusal in an error, in its causes, or in the errors that it collects. */
function refusalIn(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  if (REFUSED.test(error.message)) return error;
  const { errors = [] } = error as { errors?: unknown[] };
  return [error.cause, ...errors]
    .map(refusalIn)
    .find((refusal) => refusal !== undefined);
}

function warnSometimes(): (error: unknown) => void {
  let warnedAt = -Infinity;
  return (error) => {
    if (performance.now() - warnedAt < WARN_EVERY) return;
    warnedAt = performance.now();
    // Sentinel reports some of its errors as plain text.
    const text = error instanceof Error ? error.message : String(error);
    console.warn(`express-login-kit: Redis: ${text}`);
  };
}
