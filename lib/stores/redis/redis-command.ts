/** What the kit asks of a Redis client, and how long it waits for it. */
import { askStore } from "../ask-store.js";

/** A command's answer; the store checks what it is. */
type Reply = Promise<unknown>;

/** What is told of a published message. */
export type MessageListener = (message: string | Buffer) => void;

/**
 * The part of node-redis that the kit uses, so that no version of it is
 * imported. Clients of node-redis 5 and later fit: `createClient`, `createSentinel`,
 * `createCluster`, and `redisClient` of `express-login-kit/redis`.
 */
export interface RedisClient {
  get(key: string): Reply;
  set(
    key: string,
    value: string | Buffer,
    options?: {
      expiration?: { type: "EX"; value: number };
      condition?: "XX";
    },
  ): Reply;
  del(keys: string[]): Reply;
  hmGet(key: string, fields: string[]): Reply;
  eval(
    script: string,
    options: { keys: string[]; arguments: (string | Buffer)[] },
  ): Reply;
  subscribe(channel: string, listener: MessageListener): Reply;
  unsubscribe(channel: string, listener: MessageListener): Reply;
  /** A view of the same connection that answers in another type. */
  withTypeMapping(mapping: Record<number, unknown>): unknown;
}

/** Whether the application has closed the client, so that no command succeeds any more. */
export function isClosed(client: RedisClient): boolean {
  const { isClosed, isOpen } = client as {
    /** That of `redisClient`, which is not open either while it connects anew. */
    readonly isClosed?: boolean;
    readonly isOpen?: boolean;
  };
  return isClosed ?? isOpen === false;
}

/**
 * What is dangerous about a client that was made elsewhere, for people to read
 * once at start. `redisClient` of `express-login-kit/redis` has none of it.
 */
export function clientProblems(client: RedisClient): string[] {
  const { options, listenerCount } = client as {
    readonly options?: { readonly disableOfflineQueue?: boolean };
    readonly listenerCount?: (event: string) => number;
  };
  const problems: string[] = [];
  if (options !== undefined && options.disableOfflineQueue !== true) {
    problems.push(
      "it queues commands while Redis is away, and sends them even if Redis then refuses the password; set disableOfflineQueue: true",
    );
  }
  if (listenerCount?.call(client, "error") === 0) {
    problems.push(
      'it has no listener for "error", so the process ends with the first lost connection; add client.on("error", ...)',
    );
  }
  return problems;
}

/**
 * One Redis command that answers in time or fails as a store failure.
 *
 * node-redis's own command timeout ends once the command is written, so a
 * server that hangs would hang every request.
 */
export function askRedis(
  command: () => Promise<unknown>,
  timeoutSeconds: number,
): Promise<unknown> {
  return askStore("Redis", command, timeoutSeconds, (message) =>
    message === CLOSED
      ? `${message}: it was not connected, or closed before the kit; write await client.connect() at the start, and await kit.close() before client.close()`
      : message,
  );
}

/** What node-redis says of a client that was never connected, or is closed. */
const CLOSED = "The client is closed";
