// What the browser holds, and what the store holds for it: names, lifetimes and sizes, never a value.
/* global document, fetch */
import { element, shown } from "./dom.js";

export async function showHeld() {
  const response = await fetch("/__login/held");
  if (!response.ok) return;
  const { browser, store } = await response.json();
  document.querySelector("#held-store-name").textContent = `In ${store.name}`;
  fill(
    "#held-browser",
    browser.map(({ cookie, what, value }) => [
      cookie,
      what,
      `${value.length} characters, ${shown(value)}`,
    ]),
  );
  fill(
    "#held-store",
    store.keys.map(({ key, what, secondsLeft, fields }) => [
      key,
      what,
      [
        secondsLeft === undefined ? "" : `${secondsLeft} s left`,
        ...fields.map(
          (field) =>
            `${field.what}: ${field.bytes} bytes${field.isSealed ? ", sealed" : ""}`,
        ),
      ]
        .filter(Boolean)
        .join(" · "),
    ]),
  );
}

function fill(selector, lines) {
  const items = lines.map(([name, what, details]) =>
    element("li", {}, [
      element("code", {}, [name]),
      element("p", {}, [what]),
      element("p", { className: "hint" }, [details]),
    ]),
  );
  const none = [element("li", { className: "hint" }, ["Nothing yet."])];
  document
    .querySelector(selector)
    .replaceChildren(...(items.length > 0 ? items : none));
}
