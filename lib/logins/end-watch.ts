/** Notices when logins end, in whatever process and for whatever reason. */
import { inParts } from "../base/in-parts.js";
import type { Ground } from "../config/ground.js";
import type { LiveLogin } from "./current-login.js";
import { loginEnd } from "./login-lifetime.js";

/**
 * How often a watched login is looked at. The store tells of ends at once; this
 * is for ends that no store tells, such as timeouts.
 */
const LOOK_EVERY_MS = 15_000;

/** How long a watched login counts as alive while the store does not answer. */
const UNCONFIRMED_MS = 60_000;

/** How long the store goes on telling when nobody watches: the next stream may come soon. */
const LINGER_MS = 60_000;

/** The watch over some logins. */
export interface EndWatch {
  /** Calls `ended` once, when the login ends or has ended. */
  readonly begin: (login: LiveLogin, ended: () => void) => void;
  /** Watches this login no longer. */
  readonly forget: (id: string) => void;
  /** Watches nothing any more. */
  readonly close: () => void;
}

interface Watched {
  readonly ended: () => void;
  confirmedAt: number;
  timer: NodeJS.Timeout | undefined;
}

/** Creates the watch of this process. */
export function createEndWatch({ config, loginStore, now }: Ground): EndWatch {
  const watched = new Map<string, Watched>();
  let stopListening: (() => void) | undefined;
  let lingering: NodeJS.Timeout | undefined;

  const stop = (): void => {
    clearTimeout(lingering);
    stopListening?.();
    stopListening = undefined;
  };
  const forget = (id: string): void => {
    clearTimeout(watched.get(id)?.timer);
    watched.delete(id);
    if (watched.size > 0) return;
    clearTimeout(lingering);
    lingering = setTimeout(stop, LINGER_MS).unref();
  };
  const end = (id: string): void => {
    const login = watched.get(id);
    if (login === undefined) return;
    forget(id);
    login.ended();
  };
  const look = async (id: string, login: Watched): Promise<void> => {
    let endsAt = Infinity;
    try {
      const record = await loginStore.readLogin(id);
      endsAt = record === undefined ? 0 : loginEnd(record, config);
      login.confirmedAt = now();
    } catch {
      // Whether it lives is unknown, and for long that is not good enough.
      if (now() - login.confirmedAt > UNCONFIRMED_MS) endsAt = 0;
    }
    if (watched.get(id) !== login) return;
    if (endsAt <= now()) end(id);
    else lookAgain(id, login, endsAt);
  };
  const lookAgain = (id: string, login: Watched, endsAt: number): void => {
    clearTimeout(login.timer);
    login.timer = setTimeout(
      () => void look(id, login),
      Math.min(LOOK_EVERY_MS, endsAt - now()),
    ).unref();
  };

  return {
    begin({ id, expiresAt }, ended) {
      const login = { ended, confirmedAt: now(), timer: undefined };
      watched.set(id, login);
      lookAgain(id, login, expiresAt);
      clearTimeout(lingering);
      stopListening ??= loginStore.watchEnds({
        ended: end,
        missed: () => {
          void inParts([...watched], ([one, its]) => look(one, its));
        },
      });
      // It may have ended between the request's check and now.
      void look(id, login);
    },
    forget,
    close() {
      for (const id of [...watched.keys()]) forget(id);
      stop();
    },
  };
}
