/** Who looks at what was recorded: a browser with the inspector's cookie, and nobody else. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { harmless } from "./harmless.js";
import type { GrowingRun } from "./run.js";

/**
 * The cookie's name; with `__Host-` before it where cookies are sent over TLS
 * only. It says which requests are to be recorded, and for whom.
 */
export const VIEWER_COOKIE = "login-kit-inspector";

/** Most viewers that are remembered. */
const MAX_VIEWERS = 20;

/** Most runs of nobody whom the viewer knows: anybody can send what is refused. */
const MAX_STRANGE = 10;

/** The cookie's value: 128 random bits, and the number of another browser of the same viewer. */
const VALUE = /^([\w-]{22})(?:\.([2-9]))?$/;

/** One who looks. */
export interface Viewer {
  readonly runs: GrowingRun[];
  /** Told of a run that has changed, and of `undefined` when all are gone. */
  readonly listeners: Set<(run: GrowingRun | undefined) => void>;
}

/** Who a request is from. */
export interface Seen {
  readonly viewer: Viewer;
  /** Which of the viewer's browsers: 1 or more. */
  readonly browser: number;
}

/** Those who look. */
export interface Viewers {
  readonly cookieName: string;
  /** Who the request is from; undefined: its browser has not opened the inspector. */
  readonly of: (req: IncomingMessage) => Seen | undefined;
  /** The same for one who may look: his cookie may be from before this process began. */
  readonly welcome: (req: IncomingMessage) => Seen | undefined;
  readonly all: () => Iterable<Viewer>;
  /** Shows a run from now on. */
  readonly show: (viewer: Viewer, run: GrowingRun) => void;
  /** The same for a run that is not known to be anything of this viewer. */
  readonly showStrange: (viewer: Viewer, run: GrowingRun) => void;
  /** Tells those who see the run, all that changes in one turn together. */
  readonly changed: (run: GrowingRun) => void;
  /** Remembers a new viewer, and gives the value for his cookie. */
  readonly newCookie: () => string;
}

/**
 * Creates them.
 *
 * @param maxRuns how many runs of one viewer are kept
 * @param isSecure whether cookies are sent over TLS only: no other host of the site can set this one then (RFC 6265bis 4.1.3.2)
 */
export function createViewers(maxRuns: number, isSecure: boolean): Viewers {
  const viewers = new Map<string, Viewer>();
  const cookieName = isSecure ? `__Host-${VIEWER_COOKIE}` : VIEWER_COOKIE;
  const remember = (id: string): Viewer => {
    const viewer = viewers.get(id) ?? { runs: [], listeners: new Set() };
    // The newest stands at the end.
    viewers.delete(id);
    if (viewers.size >= MAX_VIEWERS) viewers.delete(leastMissed(viewers));
    viewers.set(id, viewer);
    return viewer;
  };
  const tellAll = (changedRuns: ReadonlySet<GrowingRun>): void => {
    for (const { runs, listeners } of viewers.values()) {
      for (const run of runs.filter((one) => changedRuns.has(one))) {
        for (const told of listeners) {
          harmless(() => {
            told(run);
          });
        }
      }
    }
  };
  const due = new Set<GrowingRun>();
  const changed = (run: GrowingRun): void => {
    if (due.size === 0) {
      setImmediate(() => {
        const runs = new Set(due);
        due.clear();
        tellAll(runs);
      });
    }
    due.add(run);
  };
  const show = (viewer: Viewer, run: GrowingRun): void => {
    if (viewer.runs.includes(run)) return;
    viewer.runs.push(run);
    viewer.runs.splice(0, viewer.runs.length - maxRuns);
    changed(run);
  };
  const strange = new WeakSet<GrowingRun>();
  return {
    ...{ cookieName, changed, show },
    of(req) {
      const { id = "", browser } = named(req, cookieName) ?? {};
      const viewer = viewers.get(id);
      return viewer && { viewer, browser: browser ?? 1 };
    },
    welcome(req) {
      const found = named(req, cookieName);
      return found && { viewer: remember(found.id), browser: found.browser };
    },
    all: () => viewers.values(),
    showStrange(viewer, run) {
      strange.add(run);
      const before = viewer.runs.filter((one) => strange.has(one));
      const [oldest] = before;
      if (oldest !== undefined && before.length >= MAX_STRANGE) {
        viewer.runs.splice(viewer.runs.indexOf(oldest), 1);
      }
      show(viewer, run);
    },
    newCookie() {
      const id = randomBytes(16).toString("base64url");
      remember(id);
      return id;
    },
  };
}

/** Whose page is closed, and who was longest away. */
function leastMissed(viewers: ReadonlyMap<string, Viewer>): string {
  const [oldest = ""] = viewers.keys();
  const away = [...viewers].find(([, { listeners }]) => listeners.size === 0);
  return away?.[0] ?? oldest;
}

/** What the cookie says. Two of one name are not ours alone: another path or host has set one. */
function named(
  { headers: { cookie } }: IncomingMessage,
  cookieName: string,
): { readonly id: string; readonly browser: number } | undefined {
  if (cookie?.includes(VIEWER_COOKIE) !== true) return undefined;
  const values = cookie
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookieName}=`))
    .map((pair) => pair.slice(cookieName.length + 1));
  const [value = ""] = values;
  const [, id, number = "1"] = VALUE.exec(value) ?? [];
  return id === undefined || values.length !== 1
    ? undefined
    : { id, browser: Number(number) };
}
