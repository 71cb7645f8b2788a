/** The panels of the start page. */
import type { Login } from "express-login-kit";
import type { ActivityEntry } from "./activity.js";
import type { Environment } from "./environment.js";
import { html, nothing } from "./html.js";
import type { Html } from "./html.js";

/** What the provider said about the user. */
export function claimsPanel(login: Login): Html {
  return html`<section class="panel">
    <h2>Claims</h2>
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

/** The login itself: how long it lasts, and what happened to it. */
export function loginPanel(
  environment: Environment,
  login: Login,
  activity: readonly ActivityEntry[],
): Html {
  const secondsLeft = Math.round(
    (login.expiresAt.getTime() - Date.now()) / 1000,
  );
  return html`<section class="panel">
    <h2>Login</h2>
    <pre><code>loginOf(req).expiresAt</code></pre>
    <p class="count">
      <output id="seconds-left" data-expires="${login.expiresAt.toISOString()}"
        >${secondsLeft}</output
      >
      seconds left without a request
    </p>
    <table>
      <tbody>
        <tr>
          <th>Login</th>
          <td>${login.id}</td>
        </tr>
        <tr>
          <th>Signed in</th>
          <td>${login.startedAt.toISOString()}</td>
        </tr>
        <tr>
          <th>Kept in</th>
          <td>
            ${environment.redisUrl === undefined ? "this process" : "Redis"}
          </td>
        </tr>
      </tbody>
    </table>
    <h3>Events of this login</h3>
    <ol id="activity" class="events">
      ${activity.map(
        ({ at, event }) =>
          html`<li>
            <time datetime="${at.toISOString()}"
              >${at.toISOString().slice(11, 19)}</time
            >
            ${event}
          </li>`,
      )}
    </ol>
  </section>`;
}

/** Filled by `public/app.js`, which calls the app as a single-page app would. */
export function forwardedOrdersPanel(canOrder: boolean): Html {
  return html`<section class="panel wide" id="orders">
    <h2>Orders, fetched by the browser</h2>
    <pre><code>app.use("/api/orders", kit.requireAuth(), kit.forward("orders"))</code></pre>
    <div id="orders-answer" aria-live="polite">
      <p class="hint">Calling <code>fetch("/api/orders")</code> ...</p>
    </div>
    ${
      canOrder
        ? html`<form id="order-form" class="row">
            <label for="item">Order something</label>
            <input id="item" name="item" maxlength="100" required />
            <button class="secondary">Order</button>
          </form>`
        : nothing
    }
  </section>`;
}
