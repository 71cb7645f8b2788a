// Marks the steps of the story that have happened, and shows their real values: only what the inspector has recorded.
/* global document */
import { duration, shown } from "./dom.js";

const WORDS = { todo: "not yet", done: "done", failed: "failed here" };
const FORGOTTEN =
  "This login began before the application was started anew, and the inspector keeps its records in memory. Sign in again to see its steps.";

/** Tells beside the steps what was recorded; the story that it made of it. */
export function showSteps(runs) {
  const story = storyOf(runs);
  [...document.querySelectorAll("#steps > li")].forEach((item, index) => {
    const messages = item.dataset.messages.split(" ");
    const state = stateOf(STEPS[index], messages, story);
    item.className = state;
    item.querySelector(".state").textContent = WORDS[state];
    item.querySelector(".real").textContent =
      state === "todo" ? "" : (STEPS[index].value(story) ?? "");
  });
  const isSignedIn = document.querySelector("#token-expires") !== null;
  const hint = document.querySelector("#steps-hint");
  hint.hidden = !isSignedIn || story.first !== undefined;
  hint.textContent = hint.hidden ? "" : FORGOTTEN;
  return story;
}

// The newest login of this browser, and what followed of it.
function storyOf(runs) {
  const mine = runs.filter(({ browser }) => browser === 1);
  const start = mine.findLastIndex(({ kind }) => kind === "login");
  if (start < 0) return { first: undefined, arrows: [] };
  const [first, ...later] = mine.slice(start);
  const followed = later.filter(
    ({ login }) => login === undefined || login.id === first.login?.id,
  );
  const arrows = [first, ...followed].flatMap(({ startedAt, items }) =>
    items
      .filter(({ is }) => is === "arrow")
      .map((arrow) => ({ ...arrow, time: Date.parse(startedAt) + arrow.at })),
  );
  return { first, arrows };
}

function stateOf({ happened }, messages, story) {
  const { first, arrows } = story;
  const failed = first?.failure?.arrow;
  const isFailed = arrows.some(
    ({ id, message }) => id === failed && messages.includes(message),
  );
  if (isFailed) return "failed";
  return happened(story) ? "done" : "todo";
}

// By what each step is known to have happened, and what it shows of this very login.
const STEPS = [
  {
    happened: ({ arrows }) => any(arrows, "page-request"),
    value: ({ arrows }) => exchange(any(arrows, "page-request"), arrows),
  },
  {
    happened: ({ arrows }) => any(arrows, "login-request", "initiate-login"),
    value: ({ arrows }) =>
      fields(arrows, REQUESTS, ["state", "nonce", "code_challenge"]),
  },
  {
    happened: ({ arrows }) => any(arrows, "authorization-request"),
    value: ({ arrows }) =>
      fields(arrows, REQUESTS, ["client_id", "redirect_uri", "scope"]),
  },
  {
    happened: ({ arrows }) => any(arrows, "authorization-response"),
    value: ({ first }) =>
      first.login && `${first.login.subject} at ${first.names.provider}`,
  },
  {
    happened: ({ arrows }) => any(arrows, "callback"),
    value: ({ arrows }) => fields(arrows, ["callback"], ["code", "state"]),
  },
  {
    happened: ({ arrows }) => succeeded(arrows, "token-request"),
    value: ({ arrows }) => exchange(any(arrows, "token-request"), arrows),
  },
  {
    happened: ({ first }) => first?.login,
    value: ({ arrows }) => {
      const { token, checks } = arrows.find((arrow) => arrow.token) ?? {};
      return (
        token && `You are ${token.claims.sub}: ${checks.length} checks passed`
      );
    },
  },
  {
    happened: ({ arrows }) => succeeded(arrows, "resource-request"),
    value: ({ arrows }) =>
      exchange(succeeded(arrows, "resource-request"), arrows),
  },
  {
    happened: ({ arrows }) => any(arrows, ...ENDS),
    value: ({ arrows }) => {
      const end = any(arrows, ...ENDS);
      return exchange(end, arrows);
    },
  },
];

const REQUESTS = ["pushed-authorization-request", "authorization-request"];
const ENDS = ["logout-request", "backchannel-logout", "frontchannel-logout"];

/** The first request of these kinds. */
function any(arrows, ...names) {
  return arrows.find(
    ({ message, direction }) =>
      names.includes(message) &&
      (direction === "request" || message === "authorization-response"),
  );
}

/** The newest request of a kind that was answered as it should be. */
function succeeded(arrows, name) {
  return arrows.findLast(
    (arrow) =>
      arrow.message === name &&
      arrow.direction === "request" &&
      answerTo(arrow, arrows)?.status < 400,
  );
}

function answerTo(request, arrows) {
  return arrows.find(({ answers }) => answers === request.id);
}

/** A request, its answer and the time between them. */
function exchange(request, arrows) {
  const answer = answerTo(request, arrows);
  return answer
    ? `${request.label} → ${answer.label}, ${duration(answer.at - request.at)}`
    : request.label;
}

function fields(arrows, names, wanted) {
  const known = arrows
    .filter(({ message }) => names.includes(message))
    .flatMap((arrow) => arrow.fields);
  return wanted
    .map((name) => known.find((field) => field.name === name))
    .filter(Boolean)
    .map(({ name, value }) => `${name} ${shown(value)}`)
    .join(" · ");
}
