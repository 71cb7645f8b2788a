/** The ten steps of a login, drawn as the sequence they are. */
import { html } from "./html.js";
import type { Html } from "./html.js";

interface Step {
  readonly title: string;
  /** Who talks to whom, in words. */
  readonly who: string;
  /** The same as a class of the style sheet: where the arrow starts and ends. */
  readonly arrow: string;
  readonly text: Html;
}

const STEPS: readonly Step[] = [
  {
    title: "A page needs a login",
    who: "Browser to app",
    arrow: "browser-app",
    text: html`<code>requireAuth()</code> finds no login. A page load is
      redirected to <code>/login</code>; a <code>fetch</code> gets 401 with the
      address to sign in at.`,
  },
  {
    title: "Authorization request",
    who: "App to provider, carried by the browser",
    arrow: "browser-provider",
    text: html`<code>/login</code> makes a code verifier, a state and a nonce,
      keeps them sealed on the server, and redirects with the verifier's hash
      (PKCE).`,
  },
  {
    title: "You sign in and agree",
    who: "Browser and provider, without the app",
    arrow: "browser-provider both",
    text: html`The app never sees how you prove who you are. The consent page
    lists what it asked for.`,
  },
  {
    title: "Authorization response",
    who: "Provider to app, carried by the browser",
    arrow: "browser-app",
    text: html`<code>/callback</code> takes the stored values out exactly once,
      then compares state and issuer. A copied or repeated answer is worth
      nothing.`,
  },
  {
    title: "Token request",
    who: "App to provider, directly",
    arrow: "app-provider",
    text: html`The code and the verifier are exchanged for tokens. The browser
    is not involved, and never gets to see one.`,
  },
  {
    title: "The ID Token is checked, the login starts",
    who: "App alone",
    arrow: "app-alone",
    text: html`Signature, issuer, audience, times and nonce. Then a fresh
    session id; the tokens are stored encrypted. The browser keeps one opaque
    cookie.`,
  },
  {
    title: "An API is called for you",
    who: "App to orders API",
    arrow: "app-orders",
    text: html`<code>forward("orders")</code> and
      <code>loginOf(req).fetch()</code> add the access token, for this API's
      address and no other.`,
  },
  {
    title: "The access token is renewed",
    who: "App to provider, directly",
    arrow: "app-provider",
    text: html`Shortly before it expires, and once for all requests that wait
    for it.`,
  },
  {
    title: "You sign out",
    who: "Browser to app, then to the provider",
    arrow: "browser-provider",
    text: html`<code>POST /logout</code> ends the login here, then sends you to
      the provider, which asks whether to end its own login as well. When you
      come back the tokens are revoked.`,
  },
  {
    title: "The provider signs you out",
    who: "Provider to app, directly",
    arrow: "app-provider back",
    text: html`Whoever signs out at the provider is signed out here: it posts a
      signed Logout Token to <code>/backchannel-logout</code>, and the logins
      that belong to it end, also when their browsers are elsewhere or closed.`,
  },
];

/** The sequence; steps in `done` are marked. */
export function sequence(done: ReadonlySet<number>): Html {
  return html`<section class="sequence" aria-labelledby="sequence-title">
    <h2 id="sequence-title">The sequence, step by step</h2>
    <div class="step heads" aria-hidden="true">
      <div class="lanes">
        <b class="browser">Browser</b><b class="app">App</b
        ><b class="provider">Provider</b><b class="orders">Orders</b>
      </div>
    </div>
    <ol>
      ${STEPS.map((step, index) => stepItem(step, index + 1, done))}
    </ol>
  </section>`;
}

function stepItem(step: Step, number: number, done: ReadonlySet<number>): Html {
  return html`<li
    class="step${done.has(number) ? " done" : ""}"
    data-step="${number}"
  >
    <div class="lanes" aria-hidden="true">
      <i class="arrow ${step.arrow}"></i>
    </div>
    <div class="words">
      <h3><span class="number">${number}</span> ${step.title}</h3>
      <p class="who">${step.who}</p>
      <p>${step.text}</p>
    </div>
  </li>`;
}
