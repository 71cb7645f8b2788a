/** One request to the application that is watched, and all that comes of it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseUrl } from "../base/parse-url.js";
import type { Config } from "../config/config.js";
import { hashOfState } from "../sign-in/state.js";
import type { CheckName } from "../telling/checks.js";
import { MESSAGES } from "../telling/messages.js";
import type { Witness } from "../telling/witness.js";
import { onHead } from "./answer-head.js";
import {
  answeredArrow,
  carriedArrow,
  locationOf,
  requestArrow,
  responseArrow,
} from "./arrows.js";
import type { Endpoint } from "./endpoint.js";
import type { Fields } from "./fields.js";
import { allHarmless, harmless } from "./harmless.js";
import type { GrowingRun, Learned } from "./run.js";
import { createSent, type SentRecording } from "./sent-messages.js";
import type { Viewer } from "./viewers.js";

/** What an exchange is recorded with; `now` is the process's own clock, in milliseconds. */
export interface Recording extends SentRecording {
  /** The time of day, in milliseconds. */
  readonly timeOfDay: () => number;
  /** Runs that wait for an answer of the provider, by the hash of its `state`. */
  readonly waiting: {
    readonly get: (stateHash: string) => Waiting | undefined;
    readonly set: (stateHash: string, waiting: Waiting) => void;
  };
}

/** A run that waits, and who sees it. */
export interface Waiting {
  readonly run: GrowingRun;
  readonly viewer: Viewer | undefined;
}

/** What is known of a request when it comes. */
export interface Came {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly address: string;
  readonly endpoint: Endpoint;
  /** Undefined: the request did not bring the inspector's cookie. */
  readonly viewer: Viewer | undefined;
  /** The run that it belongs to, as far as one can tell by now. */
  readonly run: GrowingRun;
}

/** A watched request. */
export interface Exchange extends Witness {
  /** The run that it belongs to now; undefined: it is long over. */
  readonly run: () => GrowingRun | undefined;
}

/** What has happened before a request that came of it, is told as if it were just before. Milliseconds. */
const JUST_BEFORE_MS = 0.01;

/**
 * How long after its answer a request is still told of what comes of it, in
 * milliseconds. Connections and timers that were made for it last longer, and
 * what they do then is for others.
 */
const AFTERWARDS_MS = 60_000;

/** Records the request's arrow, and what follows. `over` is called when it is answered, or given up. */
export function createExchange(
  { req, res, address, endpoint, viewer, run: first }: Came,
  recording: Recording,
  over: (run: GrowingRun) => void,
): Exchange {
  const { config, fields, now, timeOfDay, waiting } = recording;
  const { message } = endpoint;
  const cameAt = now();
  const url = urlOf(address, config);
  // Anybody's browser may come with what the provider has given to another one.
  const isStrange =
    viewer === undefined && MESSAGES[message].from === "browser";
  let run = first;
  let left: URL | undefined;
  let closedAt: number | undefined;
  run.open += 1;
  const { method, headers } = req;
  const shown = { method, headers: isStrange ? {} : headers };
  const asked = run.arrow(requestArrow(shown, url, message, fields), cameAt);
  /** The arrow that checks and failures are about. */
  let current = asked;

  onHead(res, (head) => {
    const answer = { status: res.statusCode, head: isStrange ? {} : head };
    const location = locationOf(head);
    const arrow = responseArrow(answer, { location, message, fields });
    run.arrow({ ...arrow, answers: asked }, now());
    if (location.startsWith("/")) run.expect(location);
    if (left !== undefined) leave(run, left, endpoint, recording);
    left = undefined;
  });
  const closed = (): void => {
    closedAt = timeOfDay();
    left = undefined;
    run.open -= 1;
    over(run);
    run.touch();
  };
  // A browser that has gone already tells nobody any more.
  if (res.closed) closed();
  else res.once("close", () => harmless(closed));
  const belongsTo = (stateHash: string): void => {
    if (message !== "callback") {
      run.kind = "login";
      waiting.set(stateHash, { run, viewer });
      return;
    }
    const isOpen = closedAt === undefined;
    run = goneOn(run, waiting.get(stateHash), { viewer, isOpen });
  };

  return allHarmless<Exchange>({
    run: () =>
      closedAt !== undefined && timeOfDay() - closedAt > AFTERWARDS_MS
        ? undefined
        : run,
    sent: createSent(
      recording,
      () => run,
      (arrowId) => {
        current = arrowId;
      },
    ),
    read(form) {
      run.extend(asked, formOf(form, fields));
    },
    leaves(to) {
      left = to;
    },
    belongsTo,
    answered(parameters) {
      const state = parameters.get("state");
      if (state !== null) belongsTo(hashOfState(state));
      comeBack(run, parameters, cameAt - JUST_BEFORE_MS, recording);
    },
    ...judging(() => ({ run, arrowId: current })),
  });
}

/** What a form says that was read from the request. */
function formOf(form: URLSearchParams, fields: Fields): Learned {
  const token = form.get("logout_token") ?? "";
  return {
    fields: fields.ofParameters(form, "form"),
    token: fields.decoded("Logout Token", token),
  };
}

/** Checks and failures, at the arrow that they are about. */
function judging(
  where: () => { readonly run: GrowingRun; readonly arrowId: string },
): Pick<Witness, "passed" | "failed" | "refused"> {
  const note = (check: CheckName, result: "passed" | "failed"): void => {
    const { run, arrowId } = where();
    run.check(arrowId, check, result);
  };
  return {
    passed(...checks) {
      for (const check of checks) note(check, "passed");
    },
    failed(check) {
      note(check, "failed");
    },
    refused(error) {
      const { run, arrowId } = where();
      run.fail(error, arrowId);
    },
  };
}

/** The address in full; of what is none, the application's. */
function urlOf(address: string, { baseUrls: [baseUrl] }: Config): URL {
  const { origin } = new URL(baseUrl);
  // Not resolved: what begins with two slashes would name another host.
  return parseUrl(origin + address) ?? parseUrl(address) ?? new URL(origin);
}

/** The run that a request belongs to that brings the answer to a waiting one. */
function goneOn(
  run: GrowingRun,
  found: Waiting | undefined,
  {
    viewer,
    isOpen,
  }: { readonly viewer: Viewer | undefined; readonly isOpen: boolean },
): GrowingRun {
  if (found === undefined || found.run === run) return run;
  // Who has got hold of another's state sees nothing of the other's login.
  if (viewer !== undefined && viewer !== found.viewer) return run;
  found.run.absorb(run);
  if (isOpen) found.run.open += 1;
  found.run.isAway = false;
  return found.run;
}

/** The browser is on its way to the provider. */
function leave(
  run: GrowingRun,
  url: URL,
  { kind }: Endpoint,
  { fields, now }: Recording,
): void {
  const isLogout = kind === "logout";
  if (!isLogout) run.kind = "login";
  run.names.provider ??= url.host;
  run.isAway = true;
  const carried = isLogout ? "end-session-request" : "authorization-request";
  run.arrow(carriedArrow(carried, url, fields), now());
}

/** The browser is back: what must have happened meanwhile. */
function comeBack(
  run: GrowingRun,
  parameters: URLSearchParams,
  at: number,
  { fields }: Recording,
): void {
  if (run.has("authorization-response", "response")) return;
  if (!parameters.has("code") && !parameters.has("error")) return;
  const text = parameters.has("error")
    ? "Something went wrong at the Auth Server's own pages, or the user said no."
    : "The user signs in and agrees at the Auth Server's own pages, or is known there already.";
  run.note({ over: ["user", "browser", "provider"], text }, at);
  run.arrow(answeredArrow(parameters, fields), at);
}
