// The front page: the story, the buttons, and the end of the login.
/* global document, clearTimeout, EventSource, fetch, location, setTimeout, URL */
import { showHeld } from "./held.js";
import { order } from "./orders.js";
import { showSteps } from "./steps.js";
import { followToken } from "./token-clock.js";
import { run } from "./tries.js";

// Notices when the login ends, wherever that happens: by server-sent events.
function watchLogin() {
  const events = new EventSource("/session/events");
  events.addEventListener("session-ended", ({ data }) => {
    events.close();
    showEnded(JSON.parse(data).login_url);
  });
  // A browser connects again after a broken connection, but not after an
  // answer like 401 or 503.
  events.addEventListener("error", async () => {
    if (events.readyState !== EventSource.CLOSED) return;
    const status = await sessionStatus();
    if (status?.active === false) showEnded(status.login_url);
    else setTimeout(watchLogin, 5000);
  });
  // Signing out here leads to the provider at once; nothing needs to be told.
  const signOut = document.querySelector('form[action="/logout"]');
  signOut?.addEventListener("submit", () => events.close());
}

async function sessionStatus() {
  try {
    return await (await fetch("/session")).json();
  } catch {
    return undefined; // the application is not there: nobody knows
  }
}

// Nobody is greeted any more, and nothing of the user's stays on the page.
function showEnded(loginUrl) {
  const login = new URL(loginUrl, location.origin);
  login.searchParams.set("return_to", location.pathname);
  ended.querySelector("a").href = login.href;
  ended.hidden = false;
  for (const node of document.querySelectorAll("[data-user]")) node.remove();
  document.querySelector("h1").textContent = "You are signed out";
  document.querySelector("#orders-answer")?.replaceChildren();
  void showHeld();
}

// The diagram tells of each change; many of them come together.
function follow({ detail: { runs } }) {
  clearTimeout(timer);
  timer = setTimeout(() => void tell(runs), SOON);
}

async function tell(runs) {
  const { arrows } = showSteps(runs);
  pointAt(diagram, runs);
  await Promise.all([showHeld(), followToken(arrows)]);
}

// A page that was only looked at is a run as well, and hides what it is about.
function pointAt(element, runs) {
  if (element.hasAttribute("pinned")) return;
  const telling = runs.findLast(
    ({ kind, state, items }) =>
      kind !== "call" ||
      state === "failed" ||
      items.some(({ to }) => to === "provider" || to === "resource"),
  );
  const id = telling === runs.at(-1) ? null : telling?.id;
  if (id == null) element.removeAttribute("run");
  else if (element.getAttribute("run") !== id) element.setAttribute("run", id);
}

// Without this script the browser would send the form to this page.
function takeOrders(form) {
  if (!form) return;
  form.addEventListener("submit", order);
  form.querySelector("button").disabled = false;
}

const SOON = 200;
let timer;

const ended = document.querySelector("#login-ended");
if (ended) watchLogin();

const diagram = document.querySelector("login-sequence");
if (diagram) {
  diagram.addEventListener("runs", follow);
  // It may have been quicker than this script.
  if (diagram.runs) follow({ detail: diagram });
  takeOrders(document.querySelector("#order-form"));
  for (const button of document.querySelectorAll("[data-try]")) {
    button.disabled = "cannot" in button.dataset;
    button.addEventListener("click", () => void run(button.dataset.try));
  }
  await showHeld();
}
