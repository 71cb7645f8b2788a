/** Tells long-lived answers when their login ends, wherever it ends. */
import { LoginKitError } from "../base/errors.js";
import type { Ground } from "../config/ground.js";
import type { LiveLogin } from "./current-login.js";
import { createEndWatch } from "./end-watch.js";

/** A response or socket. */
export interface Closeable {
  readonly destroyed: boolean;
  once: (event: "close", listener: () => void) => unknown;
}

/** What tells of ends. */
export interface LiveLogins {
  /** One signal for each connection, aborted when the login ends or had ended; watched until `connection` closes. */
  signal: (login: LiveLogin, connection: Closeable) => AbortSignal;
  /** How many connections wait for the end of their login. */
  readonly open: () => number;
  /** Stops watching, and aborts all signals, so that what is open ends with the application. */
  close: () => void;
}

/** Creates the watch over the logins of this process's long-lived connections. */
export function createLiveLogins(ground: Ground): LiveLogins {
  const watch = createEndWatch(ground);
  /** Those of the connections that want to know, by login. */
  const waiting = new Map<string, Set<AbortController>>();
  const given = new WeakMap<Closeable, Map<string, AbortController>>();

  const abort = (id: string, reason: Error): void => {
    const controllers = waiting.get(id) ?? [];
    waiting.delete(id);
    for (const controller of controllers) controller.abort(reason);
  };
  const controllersOf = (login: LiveLogin): Set<AbortController> => {
    const known = waiting.get(login.id);
    if (known !== undefined) return known;
    const controllers = new Set<AbortController>();
    waiting.set(login.id, controllers);
    watch.begin(login, () => {
      abort(login.id, endReason());
    });
    return controllers;
  };

  return {
    signal(login, connection) {
      const ofConnection =
        given.get(connection) ?? new Map<string, AbortController>();
      given.set(connection, ofConnection);
      const before = ofConnection.get(login.id);
      if (before !== undefined) return before.signal;
      const controller = new AbortController();
      ofConnection.set(login.id, controller);
      if (connection.destroyed) {
        controller.abort(endReason());
        return controller.signal;
      }
      const controllers = controllersOf(login);
      controllers.add(controller);
      connection.once("close", () => {
        controllers.delete(controller);
        if (controllers.size > 0 || waiting.get(login.id) !== controllers) {
          return;
        }
        waiting.delete(login.id);
        watch.forget(login.id);
      });
      return controller.signal;
    },
    open: () => [...waiting.values()].reduce((sum, { size }) => sum + size, 0),
    close() {
      watch.close();
      for (const id of [...waiting.keys()]) abort(id, closing());
    },
  };
}

function closing(): Error {
  return new Error("the application is closing");
}

function endReason(): LoginKitError {
  return new LoginKitError("ERR_LOGIN_REQUIRED", {
    message: "the login, or the connection, has ended",
  });
}
