// Calls the app the way a single-page app does: same origin, no token in sight.
/* global document, fetch, FormData */
import { element } from "./dom.js";

/** Calls the API; resolves with the answer's status, and an error's code. */
export async function showOrders() {
  const response = await fetch("/api/orders");
  const body = await response.json();
  const { ok, status } = response;
  show(ok ? [ordersTable(body.orders)] : problem(status, body));
  return { ok, status, code: body.code, title: body.title };
}

/** Sends what the form says. */
export async function order(event) {
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
    show(problem(response.status, await response.json()));
  }
}

function show(nodes) {
  document.querySelector("#orders-answer").replaceChildren(...nodes);
}

function ordersTable(orders) {
  const head = ["No.", "Item", "Price"].map((text) =>
    element("th", { scope: "col" }, [text]),
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
