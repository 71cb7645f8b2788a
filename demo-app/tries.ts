/** The demo's buttons: each does something real, and says what happened. */
import type { Login } from "express-login-kit";
import type { Environment } from "./environment.js";
import { html, nothing } from "./html.js";
import type { Html } from "./html.js";

interface Try {
  /** What `public/tries.js` does. */
  readonly name: string;
  readonly title: string;
  readonly text: string;
  /** Where it is a link: a page to go to. */
  readonly href?: (login: Login) => string;
  /** Whether that is somebody else's page, in a tab of its own. */
  readonly isElsewhere?: boolean;
  readonly needs?: readonly Need[];
}

type Need = "login" | "bundled" | "one-provider" | "redis";

const TRIES: readonly Try[] = [
  {
    name: "call",
    title: "Call the orders API",
    text: 'This page asks the app: fetch("/api/orders"). The app adds your access token, and asks the API.',
  },
  {
    name: "expire",
    title: "Expire the access token",
    text: "Puts the demo's clock a minute ahead, and calls the API: the app has to get a new token first.",
    needs: ["bundled", "login"],
  },
  {
    name: "burst",
    title: "50 calls at once",
    text: "With an expired token: all 50 need a new one. How often is the Auth Server asked?",
    needs: ["one-provider", "login"],
  },
  {
    name: "keys",
    title: "Rotate the keys",
    text: "The Auth Server signs with a new key. The app meets a signature that it cannot check, and fetches the keys again.",
    needs: ["one-provider", "login"],
  },
  {
    name: "slow",
    title: "Slow Auth Server",
    text: "From now on each of its answers takes 2 seconds. The call waits for its new token.",
    needs: ["one-provider", "login"],
  },
  {
    name: "down",
    title: "Auth Server down",
    text: "It breaks off every connection, just when a new token is needed. Are you signed out?",
    needs: ["one-provider", "login"],
  },
  {
    name: "up",
    title: "Auth Server up again",
    text: "Ends slow and down, and calls the API.",
    needs: ["one-provider"],
  },
  {
    name: "restart",
    title: "Restart, Redis stalled",
    text: "The app starts anew while Redis, which has the logins, does not answer. Does it let somebody in on a guess?",
    needs: ["redis"],
  },
  {
    name: "second",
    title: "Sign in a second browser",
    text: "The demo's server plays one, with cookies of its own: it signs in as you on the Auth Server's real pages.",
    needs: ["one-provider", "login"],
  },
  {
    name: "end-second",
    title: "End the second browser",
    text: "You have lost that device: you end its login from here. Its open page is told at once.",
    needs: ["one-provider", "login"],
  },
  {
    name: "step-up",
    title: "Step up",
    text: "A page for which your login is too weak or too old (acr, max_age): the Auth Server asks you for more.",
    href: () => "/vault",
    needs: ["bundled", "login"],
  },
  {
    name: "provider-logout",
    title: "Sign out at the provider",
    text: "In another tab, at the Auth Server. It tells the app behind your back; watch this page.",
    href: ({ claims }) => `${claims.iss}/session/end`,
    isElsewhere: true,
    needs: ["bundled", "login"],
  },
];

/** All buttons; what this demo cannot do is there too, with the reason. */
export function triesPanel(
  environment: Environment,
  login: Login | undefined,
): Html {
  return html`<section class="panel" id="tries">
    <h2>Try to break it</h2>
    <p class="hint">
      Each message that a button causes is drawn in
      <a href="#diagram">the diagram</a>.
    </p>
    <ul class="tries">
      ${TRIES.map((one) => tryItem(one, environment, login))}
    </ul>
  </section>`;
}

function tryItem(
  one: Try,
  environment: Environment,
  login: Login | undefined,
): Html {
  const { name, text } = one;
  const reason = whyNot(one, environment, login);
  return html`<li>
    ${
      login && one.href && reason === undefined
        ? link(one, one.href(login))
        : button(one, reason !== undefined)
    }
    <div>
      <p id="try-${name}">
        ${text} ${reason === undefined ? nothing : html`<b>${reason}</b>`}
      </p>
      <output class="told" data-told="${name}"></output>
    </div>
  </li>`;
}

function link({ name, title, isElsewhere }: Try, href: string): Html {
  const where =
    isElsewhere === true ? html`target="_blank" rel="noreferrer"` : nothing;
  return html`<a
    class="button secondary"
    href="${href}"
    aria-describedby="try-${name}"
    data-user
    ${where}
    >${title}</a
  >`;
}

/** The script enables those that can do something: before it is there, none does. */
function button({ name, title }: Try, isDisabled: boolean): Html {
  return html`<button
    class="secondary"
    data-try="${name}"
    aria-describedby="try-${name}"
    ${isDisabled ? html`data-cannot` : nothing}
    disabled
  >
    ${title}
  </button>`;
}

function whyNot(
  { needs = [] }: Try,
  { bundled, secondProvider, redisUrl }: Environment,
  login: Login | undefined,
): string | undefined {
  const isBundled = bundled.provider !== undefined;
  const has: Readonly<Record<Need, boolean>> = {
    login: login !== undefined,
    bundled: isBundled,
    "one-provider": isBundled && secondProvider === undefined,
    redis: redisUrl?.startsWith("redis:") === true,
  };
  const missing = needs.find((need) => !has[need]);
  return missing && REASONS[missing];
}

const REASONS: Readonly<Record<Need, string>> = {
  login: "Sign in first.",
  bundled: "Not here: the Auth Server is not the demo's own.",
  "one-provider":
    "Not here: it needs the demo's own Auth Server, and only one.",
  redis:
    "Not here: logins are kept in the memory of this process. Start the demo with REDIS_URL=redis://localhost:6379 and a SESSION_SECRET.",
};
