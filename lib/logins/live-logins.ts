/** Tells long-lived answers when their login ends, wherever it ends. */
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import { inParts } from "../base/in-parts.js";
import type { LiveLogin } from "./current-login.js";
import { loginEnd } from "./login-lifetime.js";

/**
 * How often a watched login is looked at, in milliseconds. Ends are told by
 * the store at once; this is for those that nobody tells, such as timeouts.
 */
const LOOK_EVERY = 15_000;

/** So long a watched login counts as alive while the store does not answer, in milliseconds. */
const UNCONFIRMED = 60_000;

/** So long the store goes on telling when nobody watches, in milliseconds: the next stream may come soon. */
const LINGER = 60_000;

/** A response or socket. */
export interface Closeable {
  readonly destroyed: boolean;
  once: (event: "close", listener: () => void) => unknown;
}

/** What tells of ends. */
export interface LiveLogins {
  /** One signal for each connection, aborted when the login ends or had ended; watched until `connection` closes. */
  signal: (login: LiveLogin, connection: Closeable) => AbortSignal;
  /** Stops watching, and aborts all signals, so that what is open ends with the application. */
  close: () => void;
}

interface Watched {
  /** Those of the connections that want to know. */
  readonly controllers: Set<AbortController>;
  confirmedAt: number;
  timer: NodeJS.Timeout | undefined;
}

/** Creates the watch over the logins of this process's long-lived connections. */
export function createLiveLogins({
  config,
  loginStore,
  now,
}: Ground): LiveLogins {
  const watched = new Map<string, Watched>();
  const given = new WeakMap<Closeable, Map<string, AbortController>>();
  let stopWatching: (() => void) | undefined;
  let lingering: NodeJS.Timeout | undefined;

  const stop = (): void => {
    clearTimeout(lingering);
    stopWatching?.();
    stopWatching = undefined;
  };
  const forget = (id: string): void => {
    clearTimeout(watched.get(id)?.timer);
    watched.delete(id);
    if (watched.size > 0) return;
    clearTimeout(lingering);
    lingering = setTimeout(stop, LINGER).unref();
  };
  const end = (id: string): void => {
    const login = watched.get(id);
    if (login === undefined) return;
    forget(id);
    for (const controller of login.controllers) controller.abort(endReason());
  };
  const look = async (id: string, login: Watched): Promise<void> => {
    let endsAt = Infinity;
    try {
      const record = await loginStore.readLogin(id);
      endsAt = record === undefined ? 0 : loginEnd(record, config);
      login.confirmedAt = now();
    } catch {
      // Whether it lives is unknown, and for long that is not good enough.
      if (now() - login.confirmedAt > UNCONFIRMED) endsAt = 0;
    }
    if (watched.get(id) !== login) return;
    if (endsAt <= now()) end(id);
    else lookAgain(id, login, endsAt);
  };
  const lookAgain = (id: string, login: Watched, endsAt: number): void => {
    clearTimeout(login.timer);
    login.timer = setTimeout(
      () => void look(id, login),
      Math.min(LOOK_EVERY, endsAt - now()),
    ).unref();
  };
  const watchAll = (): void => {
    clearTimeout(lingering);
    stopWatching ??= loginStore.watchEnds({
      ended: end,
      missed: () => {
        void inParts([...watched], ([id, login]) => look(id, login));
      },
    });
  };
  const watch = ({ id, expiresAt }: LiveLogin): Watched => {
    const known = watched.get(id);
    if (known !== undefined) return known;
    const login: Watched = {
      controllers: new Set(),
      confirmedAt: now(),
      timer: undefined,
    };
    watched.set(id, login);
    lookAgain(id, login, expiresAt);
    watchAll();
    // It may have ended between the request's check and now.
    void look(id, login);
    return login;
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
      const { controllers } = watch(login);
      controllers.add(controller);
      connection.once("close", () => {
        controllers.delete(controller);
        const last = watched.get(login.id);
        if (last?.controllers === controllers && controllers.size === 0) {
          forget(login.id);
        }
      });
      return controller.signal;
    },
    close() {
      for (const [id, { controllers }] of [...watched]) {
        forget(id);
        for (const controller of controllers) controller.abort(closing());
      }
      stop();
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
