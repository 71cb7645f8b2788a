/** The panels of the start page. */
import type { Login, LoginSummary } from "express-login-kit";
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
        ${
          environment.secondProvider === undefined
            ? nothing
            : html`<tr>
                <th>Provider</th>
                <td id="provider">${login.provider}</td>
              </tr>`
        }
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

/** All logins of the user, each with a button that ends it. */
export function loginsPanel(
  { bundled }: Environment,
  login: Login,
  logins: readonly LoginSummary[],
): Html {
  return html`<section class="panel wide" id="logins">
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
            Sign in with another browser or a private window, and reload this
            page.
          </p>`
    }
    ${
      bundled.provider === undefined
        ? nothing
        : html`<p class="hint">
            Or keep this page open and
            <a
              href="${login.claims.iss}/session/end"
              target="_blank"
              rel="noreferrer"
              >sign out at the provider</a
            >.
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
