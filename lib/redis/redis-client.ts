/** A node-redis client that fails fast and recovers by itself: `express-login-kit/redis`. */
import { withinDeadline } from "../base/deadline.js";
import type { RedisClient } from "../stores/redis/redis-command.js";
import { checkedOptions } from "./checked-options.js";
import { openConnection } from "./open-connection.js";
import type { RedisConnectionOptions } from "./redis-options.js";

export type {
  RedisAccess,
  RedisConnectionOptions,
  RedisLocation,
  RedisTls,
} from "./redis-options.js";

/** The client, ready for `createLoginKit({ redis })`. */
export interface ManagedRedisClient extends RedisClient {
  /** Whether `close` was called. */
  readonly isClosed: boolean;
  /** Stops the watchdog and closes the connection. */
  close: () => Promise<void>;
}

/** How often the watchdog asks, in milliseconds. */
const PING_EVERY_MS = 500;

/** How long a connection may leave a PING unanswered, in milliseconds. */
const PING_WITHIN_MS = 1000;

/** Pause between attempts to reconnect what does not do so by itself, in milliseconds. */
const RECONNECT_EVERY_MS = 500;

/** Connection errors are told at most so often, in milliseconds. */
const WARN_EVERY_MS = 10_000;

/**
 * Connects to Redis.
 *
 * A command fails at once while Redis is away; a server that hangs is noticed
 * by a watchdog within about 1.5 s, and the client connects anew until it can.
 * Resolves although Redis is down.
 *
 * @throws {ConfigError} that lists every wrong option.
 * @throws {Error} when waiting cannot help: Redis refuses the credentials or the
 * database, its certificate is not trusted or for another host, or it wants a
 * client certificate. The message names cause and remedy.
 */
export async function redisClient(
  options: RedisConnectionOptions,
): Promise<ManagedRedisClient> {
  const checked = checkedOptions(options);
  const { onError = warnSometimes(), connectSeconds = 2 } = checked;
  const connection = openConnection(checked);
  const { client } = connection;
  client.on("error", (error) => {
    onError(connection.reported(error));
  });

  let closed = false;
  let connecting = false;
  const isClosed = (): boolean => closed;
  /** @throws {Error} when waiting cannot help */
  const attempt = async (): Promise<boolean> => {
    connecting = true;
    try {
      await client.connect();
      connection.connected();
      // A connection that was being opened does not notice that it was destroyed.
      if (isClosed()) client.destroy();
      return true;
    } catch (error) {
      const failure = connection.gaveUp(error);
      const refusal = connection.refusal();
      if (refusal !== undefined) throw refusal;
      if (!isClosed()) {
        onError(failure);
        // Sentinel and Cluster give up here; a single client tries by itself.
        setTimeout(restart, RECONNECT_EVERY_MS).unref();
      }
      return false;
    } finally {
      connecting = false;
    }
  };
  // Only the first connection is waited for, however many attempts it takes.
  let isOver: () => void = () => undefined;
  let isHopeless: (refusal: unknown) => void = () => undefined;
  const first = new Promise<void>((resolve, reject) => {
    isOver = resolve;
    isHopeless = reject;
  });
  const connect = (): void => {
    attempt().then((isConnected) => {
      if (isConnected) isOver();
    }, isHopeless);
  };
  const restart = (): void => {
    // While it is connecting, another attempt would leave two connections.
    if (closed || connecting) return;
    if (client.isOpen) client.destroy();
    connect();
  };

  connect();
  await withinDeadline(
    first,
    connectSeconds * 1000,
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
      PING_WITHIN_MS,
      () => new NotConnectedYet(),
    ).catch((error: unknown) => {
      // Any other error is an answer of sorts: the connection is being restored.
      if (error instanceof NotConnectedYet) restart();
    });
  }, PING_EVERY_MS).unref();

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

function warnSometimes(): (error: Error) => void {
  let warnedAt = -Infinity;
  return (error) => {
    if (performance.now() - warnedAt < WARN_EVERY_MS) return;
    warnedAt = performance.now();
    console.warn(`express-login-kit: Redis: ${error.message}`);
  };
}
