/** The bundled provider's own pages: sign-in, consent, sign-out, errors. */
import { html, nothing } from "./html.js";
import type { Html } from "./html.js";

/** A user who can sign in at the bundled provider. */
export interface DemoUser {
  /** Subject identifier, and what is typed to sign in. */
  readonly sub: string;
  readonly name: string;
  readonly email: string;
}

/** What each scope means to the person who is asked to agree. */
const SCOPE_MEANINGS: ReadonlyMap<string, string> = new Map([
  ["openid", "Know that it is you"],
  ["profile", "See your name"],
  ["email", "See your e-mail address"],
  ["offline_access", "Stay connected without asking you every minute"],
  ["orders:read", "See your orders and place new ones"],
]);

export interface SignInPage {
  readonly uid: string;
  readonly users: readonly DemoUser[];
  /** What the application suggested, or what was typed before. */
  readonly username: string;
  /** True after a name that nobody has. */
  readonly unknownUser: boolean;
}

/** Asks who is there. */
export function signInPage(page: SignInPage): string {
  const action = `/interaction/${page.uid}/login`;
  return providerPage(
    "Sign in",
    html`
      <h1>Who is there?</h1>
      <p>Two people live at this provider. They need no password.</p>
      ${
        page.unknownUser
          ? html`<p class="notice bad" role="alert">
              Nobody is called <b>${page.username}</b> here. Try alice or bob.
            </p>`
          : nothing
      }
      <form method="post" action="${action}" class="choices">
        ${page.users.map(
          (user) =>
            html`<button name="username" value="${user.sub}" class="choice">
              <b>Continue as ${user.name}</b>
              <span>${user.email}</span>
            </button>`,
        )}
      </form>
      <form method="post" action="${action}" class="row">
        <label for="username">Or type a user name</label>
        <input
          id="username"
          name="username"
          value="${page.username}"
          autocomplete="username"
          autocapitalize="none"
          required
        />
        <button class="secondary">Sign in</button>
      </form>
    `,
  );
}

/** Asks for more than a name; there is no security key, of course. */
export function stepUpPage(uid: string, user: string): string {
  return providerPage(
    "Prove it again",
    html`
      <h1>Is it really you, ${user}?</h1>
      <p>
        The application asks for a stronger sign-in
        (<code>acr_values=phr</code>). A real provider would want a passkey or a
        security key now. Here you pretend.
      </p>
      <form method="post" action="/interaction/${uid}/step-up" class="buttons">
        <button>Touch the security key</button>
      </form>
    `,
  );
}

export interface ConsentPage {
  readonly uid: string;
  readonly clientName: string;
  readonly user: string;
  readonly scopes: readonly string[];
}

/** Asks whether the application may have what it asks for. */
export function consentPage(page: ConsentPage): string {
  return providerPage(
    "Allow access",
    html`
      <h1>${page.clientName} asks to</h1>
      <ul class="scopes">
        ${page.scopes.map(
          (scope) =>
            html`<li>
              ${SCOPE_MEANINGS.get(scope) ?? "Use this scope"}
              <code>${scope}</code>
            </li>`,
        )}
      </ul>
      <p>You are signed in here as <b>${page.user}</b>.</p>
      <form
        method="post"
        action="/interaction/${page.uid}/consent"
        class="buttons"
      >
        <button name="decision" value="allow">Allow</button>
        <button name="decision" value="cancel" class="secondary">Cancel</button>
      </form>
    `,
  );
}

/**
 * Asks whether the login at the provider ends as well.
 *
 * @param form - The form that oidc-provider wants submitted; its markup is safe.
 */
export function signOutPage(form: string): string {
  return providerPage(
    "Sign out",
    html`
      <h1>Sign out here as well?</h1>
      <p>
        An application that sent you here has already ended its own login. If
        you stay signed in at this provider, the next sign-in does not ask who
        you are. If you sign out, the provider tells the application to end the
        logins that began here.
      </p>
      ${{ markup: form }}
      <div class="buttons">
        <button form="op.logoutForm" name="logout" value="yes">
          Yes, sign me out
        </button>
        <button form="op.logoutForm" class="secondary">
          No, stay signed in
        </button>
      </div>
    `,
  );
}

/** The end of a sign-out that does not lead back to an application. */
export function signedOutPage(): string {
  return providerPage(
    "Signed out",
    html`
      <h1>You are signed out</h1>
      <p>You can close this page.</p>
    `,
  );
}

/** Says what went wrong, in the words of OAuth. */
export function providerErrorPage(error: string, description: string): string {
  return providerPage(
    "That did not work",
    html`
      <h1>That did not work</h1>
      <p class="notice bad"><code>${error}</code> ${description}</p>
      <p>Go back to the application and start again.</p>
    `,
  );
}

function providerPage(title: string, content: Html): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} - demo provider</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body class="provider">
        <header class="top">
          <b>Demo provider</b>
          <span>OpenID Provider, not the application</span>
        </header>
        <main class="card">${content}</main>
      </body>
    </html>`;
  return page.markup;
}
