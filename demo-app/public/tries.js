// What the demo's buttons do. Each tells in a line what has happened.
/* global document, DOMParser, fetch, performance, setTimeout */
import { duration } from "./dom.js";
import { showOrders } from "./orders.js";

/** Does what the button of this name says. */
export async function run(name) {
  show(null);
  const line = document.querySelector(`[data-told="${name}"]`);
  const button = document.querySelector(`[data-try="${name}"]`);
  button.disabled = true;
  line.textContent = "…";
  try {
    line.textContent = (await TRIES[name](line)).trim();
  } catch (error) {
    line.textContent = `That did not work: ${error.message}`;
  }
  button.disabled = false;
  button.focus({ preventScroll: true });
}

const TRIES = {
  call: async () => `The API answered ${answered(await timed(showOrders))}.`,

  async expire() {
    await press("clock");
    const answer = await timed(showOrders);
    return `The token was over. The app got a new one with the refresh token, and the API answered ${answered(answer)}.`;
  },

  async burst() {
    await press("clock");
    const before = await refreshes();
    const calls = Array.from({ length: 50 }, () => fetch("/api/orders"));
    const answers = await Promise.all(calls);
    const good = answers.filter(({ ok }) => ok).length;
    const count = (await refreshes()) - before;
    show(await runWithRefresh());
    return `${good} of 50 calls were answered with 200. The Auth Server itself counted ${count} ${count === 1 ? "refresh" : "refreshes"}. The diagram shows the call that fetched the token; the other 49 waited for it.`;
  },

  async keys() {
    const told = await press("provider/keys");
    await press("clock");
    const answer = await timed(showOrders);
    return `${told} The refresh brought an ID Token that it has signed: the app fetched the keys, and the API answered ${answered(answer)}.`;
  },

  async slow() {
    const told = await press("provider/slow");
    await press("clock");
    return `${told} The API answered ${answered(await timed(showOrders))}. It stays slow until "Auth Server up again".`;
  },

  async down() {
    const told = await press("provider/down");
    await press("clock");
    const answer = await timed(showOrders);
    const { active } = await (await fetch("/session")).json();
    return `${told} The call got ${answered(answer)}. ${active ? "You are still signed in: an Auth Server that is away ends no login." : "You are signed out."}`;
  },

  async up(line) {
    const told = await press("provider/up");
    const answers = await callUntilAnswered(line, 1);
    const pause =
      "After a failure the app leaves an Auth Server alone for a moment, so that it can get well.";
    return `${told} The calls got ${answers}. ${answers.includes("then") ? pause : ""}`;
  },

  async restart(line) {
    await press("restart");
    const answers = await callUntilAnswered(line, 2);
    return `The calls got ${answers}. Nobody was signed out, and nobody let in on a guess.`;
  },

  async second() {
    const told = await press("second-browser");
    await showLogins();
    return `${told} It is in the list of your logins, and the diagram shows its arrows.`;
  },

  async "end-second"() {
    const { ended } = await post("second-browser/end");
    await showLogins();
    return ended === 0
      ? "There is no second browser: sign it in first."
      : "Its login is over, and its page was told by the event stream. You are still signed in.";
  },
};

/** Takes the list of logins from a fresh copy of this page. */
async function showLogins() {
  const html = await (await fetch("/")).text();
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const list = fresh.querySelector("#logins");
  if (list) document.querySelector("#logins")?.replaceWith(list);
}

/** Lets the diagram show this run; null: the newest. */
function show(id) {
  const diagram = document.querySelector("login-sequence");
  diagram.toggleAttribute("pinned", id !== null);
  if (id === null) diagram.removeAttribute("run");
  else diagram.setAttribute("run", id);
}

/** Of all the calls, the one that has fetched the new token. */
async function runWithRefresh() {
  const { runs } = await (await fetch("/__login/runs")).json();
  return runs.findLast(({ kind }) => kind === "refresh")?.id ?? null;
}

/** Calls the API until it answers, after so many different answers; tells them on the way. */
async function callUntilAnswered(line, atLeast) {
  const answers = [];
  for (;;) {
    const { ok, status, code, title } = await showOrders();
    const answer = ok ? "200" : `${status} ${code ?? title}`;
    if (answer !== answers.at(-1)) answers.push(answer);
    const told = answers.join(", then ");
    if (ok && answers.length >= atLeast) return told;
    line.textContent = `The calls got ${told} …`;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function press(path) {
  return (await post(path)).told;
}

async function post(path) {
  const response = await fetch(`/demo/${path}`, { method: "POST" });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.told ?? answer.title);
  return answer;
}

async function refreshes() {
  return (await (await fetch("/demo/now")).json()).refreshes;
}

async function timed(call) {
  const start = performance.now();
  const answer = await call();
  return { ...answer, took: performance.now() - start };
}

function answered({ status, code, took }) {
  return `${status}${code ? ` ${code}` : ""} in ${duration(took)}`;
}
