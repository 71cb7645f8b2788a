/** The panels of the start page. */
import type { Login, LoginSummary } from "express-login-kit";
import { html, nothing } from "./html.js";
import type { Html } from "./html.js";

/** What the provider said about the user. */
export function claimsPanel(login: Login): Html {
  return html`<section class="panel" data-user>
    <h2>What the provider says about you</h2>
    <pre><code>loginOf(req).claims</code></pre>
    <table id="claims">
      <tbody>
        ${Object.entries(login.claims).map(
          ([name, value]) =>
            html`<tr>
              <th>${name}</th>
              <td>
                ${typeof value === "string" ? value : JSON.stringify(value)}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}

/** What browser and store hold now: filled by `public/held.js`. */
export function heldPanel(): Html {
  return html`<section class="panel" id="held">
    <h2>What is kept where</h2>
    <h3>In your browser</h3>
    <ul id="held-browser" class="held"></ul>
    <h3 id="held-store-name">In the store</h3>
    <ul id="held-store" class="held"></ul>
  </section>`;
}

/** All logins of the user, each with a button that ends it. */
export function loginsPanel(
  login: Login,
  logins: readonly LoginSummary[],
): Html {
  return html`<section class="panel" id="logins" data-user>
    <h2>Your logins</h2>
    <pre><code>await kit.sessions.list(loginOf(req).claims.sub)</code></pre>
    <ul class="logins">
      ${logins.map(
        ({ id, startedAt, lastSeenAt, userAgent }) =>
          html`<li>
            <div>
              <b>${browserOf(userAgent)}</b>
              <p class="hint">
                Started ${minuteOf(startedAt)}, last seen
                ${minuteOf(lastSeenAt)}
              </p>
            </div>
            ${id === login.id ? html`<span>This browser</span>` : endForm(id)}
          </li>`,
      )}
    </ul>
    ${
      logins.length > 1
        ? html`<form class="buttons" method="post" action="/logins/end-others">
            <button class="secondary">Sign out everywhere else</button>
          </form>`
        : html`<p class="hint">
            There is one only: this browser. Sign in with another one, with a
            private window, or by the button above.
          </p>`
    }
  </section>`;
}

function endForm(id: string): Html {
  return html`<form method="post" action="/logins/end">
    <input type="hidden" name="id" value="${id}" />
    <button class="secondary">Sign out there</button>
  </form>`;
}

/** In this order: browsers name those that they want to be taken for as well. */
const BROWSERS: readonly (readonly [name: string, token: string])[] = [
  ["Edge", "Edg"],
  ["Firefox", "Firefox/"],
  ["Chrome", "Chrome/"],
  ["Safari", "Safari/"],
];

/** What a person knows the browser as. It may have said anything. */
function browserOf(userAgent = "Unknown browser"): string {
  const known = BROWSERS.find(([, token]) => userAgent.includes(token));
  return known?.[0] ?? userAgent;
}

function minuteOf(time: Date): Html {
  const iso = time.toISOString();
  return html`<time datetime="${iso}"
    >${iso.slice(0, 10)} at ${iso.slice(11, 16)}</time
  >`;
}

/** Filled by `public/orders.js`, which calls the app as a single-page app would; nothing can be ordered before it is there. */
export function ordersPanel(canOrder: boolean): Html {
  return html`<section class="panel" id="orders">
    <h2>Orders, fetched by the browser</h2>
    <pre><code>app.use("/api/orders", kit.requireAuth(), kit.forward("orders"))</code></pre>
    <div id="orders-answer" aria-live="polite">
      <p class="hint">Press "Call the orders API".</p>
    </div>
    ${
      canOrder
        ? html`<form id="order-form" class="row" data-user>
            <label for="item">Order something</label>
            <input id="item" name="item" maxlength="100" required />
            <button class="secondary" disabled>Order</button>
          </form>`
        : nothing
    }
  </section>`;
}
