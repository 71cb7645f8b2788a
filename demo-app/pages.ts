/** The application's pages. */
import type { Login, LoginSummary } from "express-login-kit";
import type { ActivityEntry } from "./activity.js";
import type { Environment, ProviderAccess } from "./environment.js";
import { html, nothing } from "./html.js";
import type { Html } from "./html.js";
import {
  claimsPanel,
  forwardedOrdersPanel,
  loginPanel,
  loginsPanel,
} from "./panels.js";
import { sequence } from "./steps.js";

/** What the orders API answers. */
export interface Orders {
  readonly orders: readonly {
    readonly id: number;
    readonly item: string;
    readonly price: string;
  }[];
}

/** What the start page shows beside the login itself. */
export interface AboutUser {
  /** All logins of the user. */
  readonly logins: readonly LoginSummary[];
  /** What happened to this one. */
  readonly entries: readonly ActivityEntry[];
}

/** The start page of somebody who is not signed in. */
export function signedOutPage(environment: Environment): string {
  const who =
    environment.bundled.provider === undefined
      ? nothing
      : html`<p class="hint">
          Two people live at the provider: alice and bob. No password needed.
        </p>`;
  return page(environment, undefined, {
    title: "Signed out",
    content: html`
      <section class="hero">
        <h1>You are signed out</h1>
        <p>
          Sign in once and watch every step of OpenID Connect's Authorization
          Code Flow with PKCE. Your browser will hold one opaque cookie, and no
          token.
        </p>
        <p><a class="button" href="/login?return_to=/">Sign in</a></p>
        ${who}
      </section>
      <div class="panels">${forwardedOrdersPanel(false)}</div>
      ${sequence(new Set())}
    `,
  });
}

/** The start page of a user. */
export function signedInPage(
  environment: Environment,
  login: Login,
  { logins, entries }: AboutUser,
): string {
  const refreshed = entries.some(({ event }) => event === "token.refreshed");
  return page(environment, login, {
    title: "Signed in",
    content: html`
      <section class="hero">
        <h1>Hello, ${nameOf(login)}</h1>
        <p>
          You are signed in. Your browser holds one opaque cookie; the tokens
          stay on the server.
        </p>
      </section>
      <div class="panels">
        ${claimsPanel(login)} ${loginPanel(environment, login, entries)}
        ${loginsPanel(environment, login, logins)} ${forwardedOrdersPanel(true)}
      </div>
      ${sequence(new Set([1, 2, 3, 4, 5, 6, ...(refreshed ? [8] : [])]))}
    `,
  });
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
      <div class="panels">
        <section class="panel wide">
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
      </div>
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
        <script src="/app.js" type="module"></script>
      </head>
      <body>
        <header class="top">
          <a href="/"><b>express-login-kit</b></a>
          <nav><a href="/orders">Orders page</a></nav>
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
  return html`<form method="post" action="/logout">
    <span>${nameOf(login)}</span>
    <button class="secondary">Sign out</button>
  </form>`;
}

function nameOf(login: Login): string {
  const { name, sub } = login.claims;
  return typeof name === "string" ? name : sub;
}
