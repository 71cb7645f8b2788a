/** What pages of an application need of the login kit: `express-login-kit/browser`. */
import type { Expiring, WatchOptions } from "./expiring.js";

export type { Expiring, WatchOptions };

/** What a page tells the helper. */
export interface BrowserLoginOptions {
  /**
   * Called once when the login has ended, or if there is none. The address
   * starts a login that leads back to this page. Default: nothing.
   */
  readonly onEnded?: (loginUrl: string) => void;
  /** Path of the kit's event stream. Default `/session/events`. */
  readonly events?: string;
  /** Path of the kit's session status. Default `/session`. */
  readonly session?: string;
  /** Path that starts a login, with a query if you like, such as `/login?provider=staff`. Default `/login`. */
  readonly login?: string;
  /** Path of the page where a sign-in in a window of its own ends. Default `/login/done`. */
  readonly loginDone?: string;
  /** Sends the browser somewhere. Default: navigates there. */
  readonly go?: (url: string) => void;
}

/** How a page signs its user in. */
export interface SignInOptions {
  /**
   * Signs in in a window of its own, so that what this page holds stays. Call it
   * in the handler of a click: browsers open no window otherwise. Default false:
   * this page is left, and comes back.
   */
  readonly popup?: boolean;
  /** Where the browser comes back to; not with `popup`. Default: this very page. */
  readonly returnTo?: string;
}

/** The helper of one page. */
export interface BrowserLogin {
  /**
   * `fetch`. Requests to this origin get the header that the kit's CSRF guard
   * accepts. An answer from here that asks for a login, or for a stronger one,
   * sends the browser there and back; the returned promise then stays pending.
   * What would go round in circles is returned as it is: one trip a minute for
   * the same reason.
   */
  readonly fetch: (
    input: string | URL | Request,
    init?: RequestInit,
  ) => Promise<Response>;
  /** Listens for the end of the login, and for its coming near, until the returned function is called. */
  readonly watch: (options?: WatchOptions) => () => void;
  /**
   * Signs the user in. With `popup` it resolves with whether there is a login: true
   * when the window is done, false when the user is back on this page without.
   * Without `popup` the page is left, and the promise stays pending.
   *
   * Rejects with a `DOMException` named `PopupBlockedError` where the browser opens no window.
   */
  readonly signIn: (options?: SignInOptions) => Promise<boolean>;
  /**
   * Extends the login because the user wants it, and resolves with the seconds
   * that are left; 0: there is no login any more. Not beyond the login's absolute end.
   *
   * Rejects with a `DOMException` named `NotAllowedError` where the user has done
   * nothing here just now.
   */
  readonly extend: () => Promise<number>;
}

/** A second trip for the same reason within this time helps nobody. In milliseconds. */
const TRIP_PAUSE_MS = 60_000;

/** So long a navigation may take, and an application that does not answer is left alone. In milliseconds. */
const PATIENCE_MS = 5000;

/** Creates the helper. */
export function browserLogin({
  onEnded = () => undefined,
  events = "/session/events",
  session = "/session",
  login = "/login",
  loginDone = "/login/done",
  go = (url) => {
    location.assign(url);
  },
}: BrowserLoginOptions = {}): BrowserLogin {
  let left = -Infinity;
  return {
    async fetch(input, init) {
      const request = new Request(input, init);
      // Foreign addresses get no header: they would have to ask us for it.
      if (isOurs(request.url)) request.headers.set("x-csrf-protection", "1");
      const response = await fetch(request);
      if (!isLoginProblem(response)) return response;
      const { code, login_url } = await told(response.clone());
      const url = login_url && backHere(login_url);
      if (!url) return response;
      // Of requests that fail together the first one leaves, and all wait for it.
      if (performance.now() - left > PATIENCE_MS) {
        if (!mayLeave(code)) return response;
        left = performance.now();
        go(url);
      }
      return new Promise(() => undefined);
    },
    watch(options = {}) {
      const expiry =
        options.onExpiring &&
        import("./expiring.js").then(({ watchExpiry }) =>
          watchExpiry(session, options),
        );
      const stop = watchEnd(events, session, (loginUrl) => {
        stopAll();
        onEnded(backHere(loginUrl) ?? "/");
      });
      const stopAll = (): void => {
        stop();
        void expiry?.then((end) => {
          end();
        });
      };
      return stopAll;
    },
    async signIn({ popup, returnTo } = {}) {
      if (!popup) {
        go(backHere(login, returnTo) ?? login);
        return new Promise(() => undefined);
      }
      // First of all: browsers open a window for a click, not for what comes later.
      const url = backHere(login, loginDone) ?? login;
      const opened = open(url, "", "popup,width=500,height=700");
      // What is shown there, at the provider and behind it, must not lead this
      // page elsewhere.
      if (opened !== null) opened.opener = null;
      let isBack = false;
      const cameBack = (): boolean => (isBack = true);
      addEventListener("focus", cameBack, { once: true });
      const { signInEnds } = await import("./own-window.js");
      return signInEnds(opened, session, isBack);
    },
    async extend() {
      const { userActivation } = navigator as Partial<Navigator>;
      const isUser = userActivation?.isActive;
      return (await import("./expiring.js")).extend(session, isUser);
    },
  };
}

/** Calls `ended` once when the login ends, or if there is none; the returned function stops it. */
function watchEnd(
  events: string,
  session: string,
  ended: (loginUrl: string) => void,
): () => void {
  let source: EventSource;
  let stopped = false;
  const end = (loginUrl = ""): void => {
    if (!stopped) ended(loginUrl);
  };
  const listen = (): void => {
    if (stopped) return;
    source = new EventSource(events);
    source.addEventListener("session-ended", ({ data }) => {
      end((JSON.parse(data as string) as Told).login_url);
    });
    source.onerror = () => {
      // It connects anew by itself, but not after an answer other than 200,
      // and does not tell which: the login is over, or the server in trouble.
      if (source.readyState === EventSource.CLOSED) void look();
    };
  };
  const look = async (): Promise<void> => {
    const { active, login_url } = await told(fetch(session));
    if (active === false) end(login_url);
    else setTimeout(listen, PATIENCE_MS);
  };
  listen();
  return () => {
    stopped = true;
    source.close();
  };
}

/** What the kit tells when there is no login. */
interface Told {
  readonly active?: boolean;
  readonly code?: string;
  readonly login_url?: string;
}

/** What an answer says. Nothing, if it breaks off or is not JSON, as to HEAD. */
async function told(answer: Response | Promise<Response>): Promise<Told> {
  try {
    return { ...((await (await answer).json()) as Told) };
  } catch {
    return {};
  }
}

/** Whether the kit itself asks for a login: what it forwards never has its mark. */
function isLoginProblem({ status, headers, url }: Response): boolean {
  return status === 401 && headers.has("x-login-kit") && isOurs(url);
}

function isOurs(url: string): boolean {
  return url.startsWith(`${location.origin}/`);
}

function mayLeave(code?: string): boolean {
  const trip = `login-kit:${code}`;
  const now = Date.now();
  try {
    if (now - Number(sessionStorage.getItem(trip)) < TRIP_PAUSE_MS)
      return false;
    sessionStorage.setItem(trip, String(now));
    return true;
  } catch {
    // The user blocks storage, and cookies with it: no login would last.
    return false;
  }
}

/** The login address with the way back, by default to this very page, which the server may not know. */
function backHere(
  loginUrl: string,
  returnTo = location.pathname + location.search + location.hash,
): string | undefined {
  const { origin } = location;
  const url = new URL(loginUrl, origin);
  url.searchParams.set("return_to", returnTo);
  const path = url.pathname + url.search;
  return url.origin === origin && path[1] !== "/" ? path : undefined;
}
