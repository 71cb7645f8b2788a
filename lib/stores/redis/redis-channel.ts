/** A channel in Redis on which processes tell each other something. */
import type { Subscriber } from "../driver.js";
import type { MessageListener, RedisClient } from "./redis-command.js";

/** What of node-redis only a single server's client has, beside the commands. */
interface SingleClient extends RedisClient {
  readonly options?: { readonly socket?: object };
  duplicate: (overrides: object) => RedisClient & {
    connect: () => Promise<unknown>;
    destroy: () => void;
    unref: () => void;
    on: (event: "error" | "ready", listener: () => void) => unknown;
  };
}

/** Publish/subscribe of one channel. */
export interface RedisChannel {
  /** Tells this subscriber from now on, until the returned function is called. */
  readonly subscribe: (subscriber: Subscriber) => () => void;
  /** Tells the subscribers of this process without a way through Redis. */
  readonly tell: (message: string) => void;
}

/**
 * Creates the channel. Redis is asked to tell while somebody subscribes.
 *
 * What is published while a connection is being restored is lost. Subscribers
 * of a single server hear of that (`missed`) and look for themselves; Sentinel
 * and Cluster restore their connections without telling.
 */
export function createRedisChannel(
  client: RedisClient,
  name: string,
): RedisChannel {
  const subscribers = new Set<Subscriber>();
  const tell = (message: string): void => {
    for (const { told } of subscribers) told(message);
  };
  const missed = (): void => {
    for (const subscriber of subscribers) subscriber.missed();
  };
  let unsubscribe: (() => void) | undefined;

  return {
    tell,
    subscribe(subscriber) {
      subscribers.add(subscriber);
      unsubscribe ??= listen(
        client,
        name,
        (message) => {
          tell(String(message));
        },
        missed,
      );
      return () => {
        subscribers.delete(subscriber);
        if (subscribers.size > 0) return;
        unsubscribe?.();
        unsubscribe = undefined;
      };
    },
  };
}

/** How often a subscription is renewed that may have been lost, in milliseconds. */
const TRY_EVERY_MS = 1000;

function listen(
  client: RedisClient,
  name: string,
  told: MessageListener,
  missed: () => void,
): () => void {
  return isSingle(client)
    ? listenOnItsOwn(client, name, told, missed)
    : listenThrough(client, name, told, missed);
}

function isSingle(client: RedisClient): client is SingleClient {
  return "isPubSubActive" in client;
}

/** A connection that listens can do little else, so a single client gets a second one. */
function listenOnItsOwn(
  client: SingleClient,
  name: string,
  told: MessageListener,
  missed: () => void,
): () => void {
  const listener = client.duplicate({
    // The subscription waits here for the connection, and is renewed with it.
    disableOfflineQueue: false,
    // Silence is this connection's normal state; the PING finds out if it is dead.
    socket: { ...client.options?.socket, socketTimeout: undefined },
    pingInterval: 5000,
  });
  // The application's own client tells about errors.
  listener.on("error", () => undefined);
  listener.on("ready", missed);
  // It must not keep a process alive that is otherwise done.
  listener.unref();
  let done = false;
  const destroyIfDone = (): void => {
    if (done) listener.destroy();
  };
  // A connection that was being opened does not notice that it was destroyed.
  listener.connect().then(destroyIfDone, () => undefined);
  listener.on("ready", destroyIfDone);
  listener.subscribe(name, told).then(missed, () => undefined);
  return () => {
    done = true;
    listener.destroy();
  };
}

/**
 * Sentinel and Cluster keep a connection for this themselves. A client that
 * was restarted has forgotten it, so the subscription is renewed again and
 * again; one that still holds costs nothing.
 */
function listenThrough(
  client: RedisClient,
  name: string,
  told: MessageListener,
  missed: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let done = false;
  let listened = false;
  const listenNow = async (): Promise<void> => {
    await client.subscribe(name, told);
    // The first attempt may have failed: who subscribed since then missed something.
    if (!listened && !done) missed();
    listened = true;
  };
  const again = (): void => {
    if (!done) timer = setTimeout(renew, TRY_EVERY_MS).unref();
  };
  const renew = (): void => {
    listenNow().then(again, again);
  };
  listenNow().catch(() => undefined);
  again();
  return () => {
    done = true;
    clearTimeout(timer);
    client.unsubscribe(name, told).catch(() => undefined);
  };
}
