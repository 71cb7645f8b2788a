/** A client that is made anew for each attempt to connect, and fails at once in between. */
import { withinOwnTime } from "../base/deadline.js";
import type { RedisClient } from "../stores/redis/redis-command.js";

/** What is asked of a client beside the kit's commands. */
export interface Connectable {
  connect: () => Promise<unknown>;
  destroy: () => unknown;
  ping: () => Promise<unknown>;
  on: (event: "error", listener: (error: Error) => void) => unknown;
}

/** A client in whose place another one can come. */
export interface ReplaceableClient extends RedisClient, Connectable {
  readonly isOpen: boolean;
}

/** How long an attempt may take, in milliseconds of our own time. A server that hangs takes connections and says nothing. */
const ATTEMPT_MS = 1500;

/** How long the first attempt and every fourth one may take, in milliseconds, for networks that are slow. */
const PATIENT_ATTEMPT_MS = 6000;
const PATIENT_EVERY = 4;

/**
 * Creates one.
 *
 * A Sentinel client cannot be told to give up an attempt to connect: one that
 * waits for a hanging server goes on until its socket times out, and all
 * commands wait with it. This one leaves such a client behind.
 *
 * @param make makes the client of an attempt; its number counts from 0
 */
export function createReplaceableClient(
  make: (attempt: number) => Connectable & RedisClient,
): ReplaceableClient {
  const listeners = new Set<(error: Error) => void>();
  let attempts = 0;
  let current: (Connectable & RedisClient) | undefined;
  let connecting: (Connectable & RedisClient) | undefined;

  const leave = (client: Connectable): void => {
    // It ends when what it waits for does.
    void Promise.resolve(client.destroy()).catch(() => undefined);
  };
  const use = <Answer>(
    command: (client: Connectable & RedisClient) => Promise<Answer>,
  ): Promise<Answer> =>
    current === undefined
      ? Promise.reject(new Error("not connected; connecting anew"))
      : command(current);

  return {
    ...commandsOf(use),
    get isOpen() {
      return current !== undefined || connecting !== undefined;
    },
    async connect() {
      const isPatient = attempts % PATIENT_EVERY === 0;
      const client = make(attempts);
      connecting = client;
      client.on("error", (error) => {
        if (client !== current && client !== connecting) return;
        for (const listener of listeners) listener(error);
      });
      const limit = isPatient ? PATIENT_ATTEMPT_MS : ATTEMPT_MS;
      attempts++;
      try {
        await withinOwnTime(
          client.connect(),
          limit,
          () => new Error("Connection timeout"),
        );
        if (connecting !== client) throw new Error("closed while connecting");
        current = client;
        attempts = 1;
      } catch (error) {
        leave(client);
        throw error;
      } finally {
        if (connecting === client) connecting = undefined;
      }
    },
    destroy() {
      for (const client of [current, connecting]) {
        if (client !== undefined) leave(client);
      }
      current = undefined;
      connecting = undefined;
    },
    ping: () => use((client) => client.ping()),
    on(_event, listener) {
      listeners.add(listener);
    },
  };
}

/** The kit's commands, each through whichever client there is. */
function commandsOf(
  use: (command: (client: RedisClient) => Promise<unknown>) => Promise<unknown>,
): RedisClient {
  return {
    get: (key) => use((client) => client.get(key)),
    set: (key, value, options) =>
      use((client) => client.set(key, value, options)),
    del: (keys) => use((client) => client.del(keys)),
    hmGet: (key, fields) => use((client) => client.hmGet(key, fields)),
    eval: (script, options) => use((client) => client.eval(script, options)),
    subscribe: (channel, listener) =>
      use((client) => client.subscribe(channel, listener)),
    unsubscribe: (channel, listener) =>
      use((client) => client.unsubscribe(channel, listener)),
    withTypeMapping(mapping) {
      const views = new WeakMap<RedisClient, RedisClient>();
      const viewOf = (client: RedisClient): RedisClient => {
        let view = views.get(client);
        if (view === undefined) {
          view = client.withTypeMapping(mapping) as RedisClient;
          views.set(client, view);
        }
        return view;
      };
      return commandsOf((command) => use((client) => command(viewOf(client))));
    },
  };
}
