// Calls the app the way a single-page app does: same origin, no token in sight.
/* global document, EventSource, fetch, FormData, location, setInterval, setTimeout, URL */

const answer = document.querySelector("#orders-answer");

async function showOrders() {
  const response = await fetch("/api/orders");
  const body = await response.json();
  if (response.ok) {
    answer.replaceChildren(ordersTable(body.orders));
    markDone(7);
    await showActivity();
  } else {
    answer.replaceChildren(...problem(response.status, body));
  }
}

async function order(event) {
  event.preventDefault();
  const form = event.target;
  const response = await fetch("/api/orders", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ item: new FormData(form).get("item") }),
  });
  if (response.ok) {
    form.reset();
    await showOrders();
  } else {
    const body = await response.json();
    answer.replaceChildren(...problem(response.status, body));
  }
}

// What the kit did meanwhile: a token may have been refreshed for the call.
async function showActivity() {
  const response = await fetch("/activity");
  if (!response.ok) return;
  const { entries } = await response.json();
  const items = entries.map(({ at, event }) => {
    if (event === "token.refreshed") markDone(8);
    return element("li", {}, [
      element("time", { dateTime: at }, [at.slice(11, 19)]),
      ` ${event}`,
    ]);
  });
  document.querySelector("#activity")?.replaceChildren(...items);
}

function ordersTable(orders) {
  const head = ["No.", "Item", "Price"].map((text) =>
    element("th", {}, [text]),
  );
  const rows = orders.map(({ id, item, price }) =>
    element(
      "tr",
      {},
      [id, item, price].map((value) => element("td", {}, [String(value)])),
    ),
  );
  return element("table", {}, [
    element("thead", {}, [element("tr", {}, head)]),
    element("tbody", {}, rows),
  ]);
}

// An application/problem+json answer of the kit: code, cause and remedy.
function problem(status, { code, title, remedy, login_url: loginUrl }) {
  const parts = [
    element("p", { className: status === 401 ? "notice" : "notice bad" }, [
      element("b", {}, [String(status)]),
      " ",
      element("code", { id: "problem-code" }, [code ?? "no code"]),
      ` ${title ?? ""}`,
    ]),
  ];
  if (remedy) parts.push(element("p", { className: "hint" }, [remedy]));
  if (loginUrl) {
    const link = { className: "button", href: loginUrl };
    parts.push(
      element("p", {}, [element("a", link, ["Sign in to see the orders"])]),
    );
  }
  return parts;
}

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

function showEnded(loginUrl) {
  const login = new URL(loginUrl, location.origin);
  login.searchParams.set("return_to", location.pathname);
  ended.querySelector("a").href = login.href;
  ended.hidden = false;
}

function markDone(step) {
  document.querySelector(`[data-step="${step}"]`)?.classList.add("done");
}

function element(name, properties, children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

const secondsLeft = document.querySelector("#seconds-left");
if (secondsLeft) {
  setInterval(() => {
    const left = Date.parse(secondsLeft.dataset.expires) - Date.now();
    secondsLeft.textContent = String(Math.max(0, Math.round(left / 1000)));
  }, 1000);
}

const ended = document.querySelector("#login-ended");
if (ended) watchLogin();

document.querySelector("#order-form")?.addEventListener("submit", order);
if (answer) await showOrders();
