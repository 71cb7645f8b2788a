/** A login in nine steps, in words, beside the diagram that draws what really happens. */
import { PARTIES, STEPS } from "express-login-kit/inspector";
import type { Party } from "express-login-kit/inspector";
import type { Environment } from "./environment.js";
import { html, nothing } from "./html.js";
import type { Html } from "./html.js";

/** The steps. `public/steps.js` marks those that have happened, and shows their values. */
export function story(): Html {
  return html`<section class="story" aria-labelledby="story-title">
    <h2 id="story-title" class="visually-hidden">A login in nine steps</h2>
    <ol id="steps" class="steps">
      ${STEPS.map(
        ({ title, text, messages }) =>
          html`<li data-messages="${messages.join(" ")}">
            <h3>${title} <span class="state visually-hidden">not yet</span></h3>
            <p>${text}</p>
            <p class="real"></p>
          </li>`,
      )}
    </ol>
    <p id="steps-hint" class="hint" hidden></p>
    <p class="hint">
      Where a secret travels, you see its fingerprint, such as
      <code>#dbb6ec76</code>: the same secret has the same one, and nobody can
      guess the secret by it.
    </p>
  </section>`;
}

/** What the inspector records, drawn while it happens; before that, who takes part. */
export function diagram({ baseUrl, provider, orders }: Environment): Html {
  return html`<section
    class="diagram"
    id="diagram"
    aria-labelledby="diagram-title"
  >
    <h2 id="diagram-title">
      Live: each arrow is a real message
      <a href="/__login/">Look closer</a>
    </h2>
    <login-sequence src="/__login" live>
      <p>Sign in, and each message is drawn here when it is sent, between:</p>
      <dl class="parties">
        ${party("user", "you")} ${party("browser", "what you look into")}
        ${party("app", "a shop, where you want to be known", baseUrl)}
        ${party("provider", "where you have an account", provider.issuer)}
        ${party("resource", "an API, which has your orders", orders.url)}
      </dl>
    </login-sequence>
  </section>`;
}

function party(name: Party, text: string, address?: string): Html {
  return html`<div>
    <dt>${PARTIES[name]}</dt>
    <dd>
      ${text}
      ${address === undefined ? nothing : html`<br /><code>${address}</code>`}
    </dd>
  </div>`;
}
