/** The channel on which processes tell each other that a login has ended. */
import type { EndWatcher } from "../login-store.js";
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
export interface EndedChannel {
  /** Tells this watcher from now on, until the returned function is called. */
  watch: (watcher: EndWatcher) => () => void;
  /** Tells the watchers of this process without a way through Redis. */
  tell: (id: string) => void;
}

/**
 * Creates the channel. It is subscribed to while somebody watches.
 *
 * What is published while a connection is being restored is lost. Watchers of
 * a single server hear of that (`missed`) and look for themselves; Sentinel
 * and Cluster restore their connections without telling.
 */
export function createEndedChannel(
  client: RedisClient,
  name: string,
): EndedChannel {
  const watchers = new Set<EndWatcher>();
  const tell = (id: string): void => {
    for (const { ended } of watchers) ended(id);
  };
  const missed = (): void => {
    for (const watcher of watchers) watcher.missed();
  };
  let unsubscribe: (() => void) | undefined;

  return {
    tell,
    watch(watcher) {
      watchers.add(watcher);
      unsubscribe ??= subscribe(
        client,
        name,
        (id) => {
          tell(String(id));
        },
        missed,
      );
      return () => {
        watchers.delete(watcher);
        if (watchers.size > 0) return;
        unsubscribe?.();
        unsubscribe = undefined;
      };
    },
  };
}

/** How often a subscription is renewed that may have been lost, in milliseconds. */
const TRY_EVERY = 1000;

function subscribe(
  client: RedisClient,
  name: string,
  ended: MessageListener,
  missed: () => void,
): () => void {
  return isSingle(client)
    ? subscribeOnItsOwn(client, name, ended, missed)
    : subscribeThrough(client, name, ended, missed);
}

function isSingle(client: RedisClient): client is SingleClient {
  return "isPubSubActive" in client;
}

/** A connection that listens can do little else, so a single client gets a second one. */
function subscribeOnItsOwn(
  client: SingleClient,
  name: string,
  ended: MessageListener,
  missed: () => void,
): () => void {
  const listener = client.duplicate({
    // The subscription waits here for the connection, and is renewed with it.
    disableOfflineQueue: false,
    // Silence is this connection's normal state; the PING finds out if it is dead.
    socket: { ...client.options?.socket, socketTimeout: undefined },
    pingInterval: 5000,
  });
  // The client that the application has tells about errors.
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
  listener.subscribe(name, ended).then(missed, () => undefined);
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
function subscribeThrough(
  client: RedisClient,
  name: string,
  ended: MessageListener,
  missed: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let done = false;
  let listened = false;
  const listen = async (): Promise<void> => {
    await client.subscribe(name, ended);
    // The first attempt may have failed: whoever watches since then missed something.
    if (!listened && !done) missed();
    listened = true;
  };
  const again = (): void => {
    if (!done) timer = setTimeout(renew, TRY_EVERY).unref();
  };
  const renew = (): void => {
    listen().then(again, again);
  };
  listen().catch(() => undefined);
  again();
  return () => {
    done = true;
    clearTimeout(timer);
    client.unsubscribe(name, ended).catch(() => undefined);
  };
}
