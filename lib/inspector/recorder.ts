/** Records what the viewers' browsers do, run by run. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { BoundedMap } from "../base/bounded-map.js";
import type { Parts } from "../parts.js";
import { withWitness, type Watch } from "../telling/witness.js";
import { addressOf, endpointOf, type Endpoint } from "./endpoint.js";
import { noteEvents } from "./event-notes.js";
import {
  createExchange,
  type Exchange,
  type Recording,
  type Waiting,
} from "./exchange.js";
import { createFields, type Fields } from "./fields.js";
import { harmless } from "./harmless.js";
import { createHide, scrubbed, type Hide } from "./hide.js";
import { GrowingRun } from "./run.js";
import {
  createViewers,
  type Seen,
  type Viewer,
  type Viewers,
} from "./viewers.js";

/** What was recorded. */
export interface Recorder {
  readonly watch: Watch;
  readonly viewers: Viewers;
  readonly hide: Hide;
  readonly fields: Fields;
  readonly clear: (viewer: Viewer) => void;
  /** Ends this answer, which has no end, when the application stops. */
  readonly endsInTime: (answer: ServerResponse) => void;
  /** The application stops. */
  readonly close: () => void;
}

/** Most sign-ins that wait for their answer. */
const MAX_WAITING = 1000;

/** Creates it, and listens to the kit's events. */
export function createRecorder(
  { config, events, now: timeOfDay }: Parts,
  maxRuns: number,
): Recorder {
  const viewers = createViewers(maxRuns, config.secureCookies);
  const hide = createHide();
  const fields = createFields(hide);
  const exchanges = new WeakMap<IncomingMessage, Exchange>();
  const recording: Recording = {
    ...{ config, fields },
    now: () => performance.now(),
    timeOfDay,
    waiting: new BoundedMap<Waiting>(MAX_WAITING),
  };
  const newRun = (
    kind: GrowingRun["kind"],
    subject: string,
    browser: number,
  ): GrowingRun =>
    new GrowingRun(kind, subject, browser, recording.now(), viewers.changed);
  noteEvents(events.emitter, viewers, recording.now, () =>
    newRun("logout", "", 1),
  );

  const begin = (
    req: IncomingMessage,
    res: ServerResponse,
  ): Exchange | undefined => {
    const address = addressOf(req, config);
    const endpoint = endpointOf(address, config);
    if (endpoint === undefined) return undefined;
    const seen = viewers.of(req);
    if (seen === undefined && endpoint.comesWithout !== true) return undefined;
    const path = scrubbed(address.split("?", 1)[0] ?? "");
    const subject = `${req.method ?? "GET"} ${path}`;
    const known = seen && runGoingOn(seen, address, endpoint);
    const run = known ?? newRun(endpoint.kind, subject, seen?.browser ?? 1);
    run.names.app ??= new URL(config.baseUrls[0]).host;
    run.names.browser ??= browserIn(req.headers["user-agent"] ?? "");
    if (known === undefined && isUsersDoing(req, endpoint)) {
      const text = `The user goes to ${path}.`;
      run.note({ over: ["user", "browser"], text }, recording.now());
    }
    if (seen !== undefined && endpoint.message !== "callback") {
      viewers.show(seen.viewer, run);
    }
    const came = { req, res, address, endpoint, run, viewer: seen?.viewer };
    return createExchange(came, recording, (at) => {
      if (seen !== undefined) viewers.show(seen.viewer, at);
      else if (endpoint.message === "backchannel-logout") tellAll(at, viewers);
    });
  };

  const endless = new Set<ServerResponse>();
  let isClosed = false;
  return {
    ...{ viewers, hide, fields },
    watch(req, res, work) {
      // A body that is read in between leaves the way by which Node knows it.
      const exchange = exchanges.get(req) ?? harmless(() => begin(req, res));
      if (exchange === undefined) return work();
      exchanges.set(req, exchange);
      return withWitness(exchange, work);
    },
    clear(viewer) {
      viewer.runs.length = 0;
      for (const told of viewer.listeners) told(undefined);
    },
    endsInTime(answer) {
      if (isClosed) answer.end();
      endless.add(answer);
      answer.once("close", () => endless.delete(answer));
    },
    close() {
      isClosed = true;
      for (const answer of endless) answer.end();
    },
  };
}

/** A Logout Token that was refused may be anybody's: every viewer learns of it, and not whose it was. */
function tellAll(run: GrowingRun, viewers: Viewers): void {
  if (run.failure === undefined || run.user !== undefined) return;
  run.hideTokens();
  for (const viewer of viewers.all()) viewers.showStrange(viewer, run);
}

/** The run that a request goes on with: the browser was sent here by it. */
function runGoingOn(
  { viewer, browser }: Seen,
  address: string,
  { message, kind }: Endpoint,
): GrowingRun | undefined {
  const mine = viewer.runs.filter((run) => run.browser === browser).reverse();
  if (message === "callback" || kind === "provider-logout") return undefined;
  if (message === "logged-out") {
    const run = mine.find((one) => one.kind === "logout" && one.isAway);
    if (run !== undefined) run.isAway = false;
    return run;
  }
  return mine.find((run) => run.wasExpected(address));
}

/** A page load is somebody's doing, but not where the provider sends the browser. */
function isUsersDoing(
  { headers }: IncomingMessage,
  { comesWithout, message }: Endpoint,
): boolean {
  return (
    headers["sec-fetch-mode"] === "navigate" &&
    comesWithout !== true &&
    message !== "logged-out"
  );
}

/** The name of the browser or program. */
function browserIn(userAgent: string): string {
  const known = /(Firefox|Edg|OPR|Chrome|Safari|curl)/.exec(userAgent)?.[1];
  return known ?? scrubbed(userAgent.split("/", 1)[0] ?? "");
}
