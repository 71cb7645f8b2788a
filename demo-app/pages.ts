/** The application's pages. */
import type { Login, LoginSummary } from "express-login-kit";
import type { Environment, ProviderAccess } from "./environment.js";
import { html, nothing } from "./html.js";
import type { Html } from "./html.js";
import { claimsPanel, heldPanel, loginsPanel, ordersPanel } from "./panels.js";
import { diagram, story } from "./story.js";
import { triesPanel } from "./tries.js";

/** What the orders API answers. */
export interface Orders {
  readonly orders: readonly {
    readonly id: number;
    readonly item: string;
    readonly price: string;
  }[];
}

/** The start page: the story of a login beside its diagram, then what one can do to it. */
export function frontPage(
  environment: Environment,
  login: Login | undefined,
  logins: readonly LoginSummary[],
): string {
  return page(environment, login, {
    title: login ? "Signed in" : "Signed out",
    content: html`
      ${login ? greeting(environment, login) : invitation(environment)}
      <div class="front">
        ${story()} ${diagram(environment)}
        <div class="panels">
          ${triesPanel(environment, login)} ${ordersPanel(login !== undefined)}
          ${heldPanel()}
          ${
            login
              ? html`${loginsPanel(login, logins)} ${claimsPanel(login)}`
              : nothing
          }
        </div>
      </div>
    `,
  });
}

function invitation({ bundled }: Environment): Html {
  return html`<section class="hero">
    <h1>You are signed out</h1>
    <p>
      Sign in, and watch each of the nine steps happen.
      ${
        bundled.provider === undefined
          ? nothing
          : html`You can be alice or bob; neither needs a password.`
      }
    </p>
    <a class="button" href="/mine">Sign in</a>
  </section>`;
}

function greeting(
  { redisUrl, secondProvider }: Environment,
  login: Login,
): Html {
  return html`<section class="hero">
    <h1>Hello, ${nameOf(login)}</h1>
    <dl class="facts" data-user>
      <div>
        <dt>Signed in since</dt>
        <dd>${timeOf(login.startedAt)}</dd>
      </div>
      <div>
        <dt>Ends, if unused, at</dt>
        <dd>${timeOf(login.expiresAt)}</dd>
      </div>
      <div>
        <dt>Access token expires</dt>
        <dd id="token-expires">not known yet</dd>
      </div>
      ${
        secondProvider === undefined
          ? nothing
          : html`<div>
              <dt>Provider</dt>
              <dd id="provider">${login.provider}</dd>
            </div>`
      }
      <div>
        <dt>Kept in</dt>
        <dd>${redisUrl === undefined ? "this process" : "Redis"}</dd>
      </div>
    </dl>
  </section>`;
}

function timeOf(time: Date): Html {
  return html`<time datetime="${time.toISOString()}"
    >${time.toISOString().slice(11, 19)} UTC</time
  >`;
}

/** The orders as the server fetched them. */
export function ordersPage(
  environment: Environment,
  login: Login,
  answer: Orders,
): string {
  return page(environment, login, {
    title: "Orders",
    content: html`
      <section class="hero">
        <h1>Your orders</h1>
        <p>
          Fetched by the server before this page was sent, with your access
          token.
        </p>
      </section>
      <section class="panel" data-user>
        <h2>Orders, fetched by the server</h2>
        <pre><code>await loginOf(req).fetch("${environment.orders.url}")</code></pre>
        <table>
          <thead>
            <tr>
              <th>No.</th>
              <th>Item</th>
              <th>Price</th>
            </tr>
          </thead>
          <tbody>
            ${answer.orders.map(
              (order) =>
                html`<tr>
                  <td>${order.id}</td>
                  <td>${order.item}</td>
                  <td>${order.price}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </section>
    `,
  });
}

/** Says that the orders API did not answer as it should. */
export function ordersFailedPage(
  environment: Environment,
  login: Login,
  status: number,
): string {
  return page(environment, login, {
    title: "Orders",
    content: html`
      <section class="hero">
        <h1>The orders API said no</h1>
        <p class="notice bad">
          It answered <b>${status}</b>. Its log says why; the kit passes answers
          on as they are.
        </p>
        <p><a class="button" href="/">Back to the start</a></p>
      </section>
    `,
  });
}

/** A page behind the stronger sign-in. */
export function vaultPage(environment: Environment, login: Login): string {
  return page(environment, login, {
    title: "Vault",
    content: html`
      <section class="hero">
        <h1>You are in the vault</h1>
        <p data-user>
          You proved who you are by
          <code>acr=${String(login.claims["acr"])}</code>
          at ${timeOf(login.authenticatedAt ?? login.startedAt)}. This page
          wants that way, and not longer than five minutes ago.
        </p>
        <pre><code>kit.requireAuth({ acr: ["phr"], maxAgeSeconds: 300 })</code></pre>
        <p><a class="button" href="/">Back to the start</a></p>
      </section>
    `,
  });
}

function page(
  environment: Environment,
  login: Login | undefined,
  { title, content }: { readonly title: string; readonly content: Html },
): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} - express-login-kit demo</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
        <link rel="stylesheet" href="/front.css" />
        <script src="/__login/sequence.js" type="module"></script>
        <script src="/app.js" type="module"></script>
      </head>
      <body>
        <header class="top">
          <a href="/"><b>express-login-kit</b></a>
          <nav aria-label="Pages">
            <a href="/orders">Orders page</a> <a href="/__login/">Inspector</a>
          </nav>
          ${login === undefined ? nothing : signOutForm(login)}
        </header>
        <main>${login === undefined ? nothing : LOGIN_ENDED} ${content}</main>
        <footer>
          ${providersOf(environment).map(
            ({ issuer }) => html`<span>Provider <code>${issuer}</code></span>`,
          )}
          <span>Orders API <code>${environment.orders.url}</code></span>
        </footer>
      </body>
    </html>`.markup;
}

function providersOf({
  provider,
  secondProvider,
}: Environment): readonly ProviderAccess[] {
  return secondProvider === undefined ? [provider] : [provider, secondProvider];
}

/** Shown by `public/app.js` when the login ends while the page is open. */
const LOGIN_ENDED = html`<p
  id="login-ended"
  class="notice bad urgent"
  role="alert"
  hidden
>
  <b>You are signed out.</b> This login has ended elsewhere.
  <a href="/login">Sign in again</a>
</p>`;

function signOutForm(login: Login): Html {
  return html`<form method="post" action="/logout" data-user>
    <span>${nameOf(login)}</span>
    <button class="secondary">Sign out</button>
  </form>`;
}

function nameOf(login: Login): string {
  const { name, sub } = login.claims;
  return typeof name === "string" ? name : sub;
}
