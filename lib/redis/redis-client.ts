/** A node-redis client that fails fast and recovers by itself: `express-login-kit/redis`. */
import { withinDeadline, withinOwnTime } from "../base/deadline.js";
import type { RedisClient } from "../stores/redis/redis-command.js";
import { checkedOptions } from "./checked-options.js";
import { openConnection, type Connection } from "./open-connection.js";
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

/** How long a connection may leave a PING unanswered, in milliseconds of our own time. */
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
  const first = firstConnection();
  const connect = (): void => {
    attempt().then((isConnected) => {
      if (isConnected) first.made();
    }, first.hopeless);
  };
  const restart = (): void => {
    // While it is connecting, another attempt would leave two connections.
    if (closed || connecting) return;
    if (client.isOpen) client.destroy();
    connect();
  };

  connect();
  await first.within(connectSeconds);

  const watchdog = setInterval(() => {
    if (client.isOpen) void askFor(connection).catch(restart);
    else restart();
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

/** @throws {Error} where the connection leaves a PING unanswered; any other error is an answer of sorts: it is being restored */
async function askFor({ ping }: Connection): Promise<void> {
  const late = (): Error => new NotConnectedYet();
  try {
    await withinOwnTime(ping(), PING_WITHIN_MS, late);
  } catch (error) {
    if (error instanceof NotConnectedYet) throw error;
  }
}

/** The first connection, which alone is waited for, however many attempts it takes. */
interface FirstConnection {
  readonly made: () => void;
  readonly hopeless: (refusal: unknown) => void;
  /** @throws {Error} the refusal, when waiting cannot help */
  readonly within: (seconds: number) => Promise<void>;
}

function firstConnection(): FirstConnection {
  let made: () => void = () => undefined;
  let hopeless: (refusal: unknown) => void = () => undefined;
  const outcome = new Promise<void>((resolve, reject) => {
    made = resolve;
    hopeless = reject;
  });
  return {
    made,
    hopeless,
    async within(seconds) {
      try {
        const late = (): Error => new NotConnectedYet();
        await withinDeadline(outcome, seconds * 1000, late);
      } catch (error) {
        if (!(error instanceof NotConnectedYet)) throw error;
        // Whoever waited has gone on.
        outcome.catch(() => undefined);
      }
    },
  };
}

function warnSometimes(): (error: Error) => void {
  let warnedAt = -Infinity;
  return (error) => {
    if (performance.now() - warnedAt < WARN_EVERY_MS) return;
    warnedAt = performance.now();
    console.warn(`express-login-kit: Redis: ${error.message}`);
  };
}
