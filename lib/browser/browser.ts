/** What pages of an application need of the login kit: `express-login-kit/browser`. */

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
  /** Sends the browser somewhere. Default: navigates there. */
  readonly go?: (url: string) => void;
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
  /** Listens for the end of the login, until the returned function is called. */
  readonly watch: () => () => void;
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
    watch() {
      let source: EventSource;
      let stopped = false;
      const stop = (): void => {
        stopped = true;
        source.close();
      };
      const end = (loginUrl = ""): void => {
        if (stopped) return;
        stop();
        onEnded(backHere(loginUrl) ?? "/");
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
      return stop;
    },
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

/** The login address with the way back to this very page, which the server may not know. */
function backHere(loginUrl: string): string | undefined {
  const { origin, pathname, search, hash } = location;
  const url = new URL(loginUrl, origin);
  url.searchParams.set("return_to", pathname + search + hash);
  const path = url.pathname + url.search;
  return url.origin === origin && path[1] !== "/" ? path : undefined;
}
