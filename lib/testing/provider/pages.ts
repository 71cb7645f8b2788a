/** The pages that the test provider shows to users. */
import escapeHtml from "escape-html";

import type { Parameters } from "./misbehaviour.js";
import type { ProviderState } from "./state.js";

/** Asks who is there: one button for each user. */
export function signInPage(
  { users }: ProviderState,
  authorizationRequest: string,
): string {
  const buttons = [...users.keys()].map(
    (sub) =>
      `<button name="user" value="${escapeHtml(sub)}">${escapeHtml(sub)}</button>`,
  );
  return page(
    "Sign in",
    `<form method="post" action="sign-in?${escapeHtml(authorizationRequest)}">${buttons.join("\n")}</form>`,
  );
}

/** Asks whether the user agrees. */
export function consentPage(sub: string, authorizationRequest: string): string {
  const request = new URLSearchParams(authorizationRequest);
  const clientId = request.get("client_id") ?? "";
  const scope = request.get("scope") ?? "";
  return page(
    "Do you agree?",
    `<p>${escapeHtml(clientId)} asks ${escapeHtml(sub)} for: ${escapeHtml(scope)}</p>
<form method="post" action="consent?${escapeHtml(authorizationRequest)}">
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>`,
  );
}

/** Carries an authorization response by POST (OAuth 2.0 Form Post Response Mode). */
export function selfSubmittingForm(
  action: string,
  parameters: Parameters,
): string {
  const inputs = Object.entries(parameters).map(
    ([name, value]) =>
      `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  return `<!doctype html><title>Back to the application</title>
<form method="post" action="${escapeHtml(action)}">${inputs.join("")}</form>
<script>document.forms[0].submit()</script>`;
}

/** Where the form of such a page is sent. */
export function postAddress(html: string): string | undefined {
  const action = /<form method="post" action="([^"]*)"/.exec(html)?.[1];
  return action === undefined ? undefined : unescapeHtml(action);
}

/** What the form of such a page holds already. */
export function hiddenFields(html: string): URLSearchParams {
  const inputs = html.matchAll(
    /<input type="hidden" name="([^"]*)" value="([^"]*)"/g,
  );
  const fields = new URLSearchParams();
  for (const [, name = "", value = ""] of inputs) {
    fields.append(unescapeHtml(name), unescapeHtml(value));
  }
  return fields;
}

/** What `escape-html` does, undone. */
function unescapeHtml(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}

function page(title: string, body: string): string {
  return `<!doctype html><title>${title}</title><h1>${title}</h1>
${body}`;
}
