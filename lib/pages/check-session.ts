/** A frame that notices when the session at the provider changes (OpenID Connect Session Management 1.0). */
import escapeHtml from "escape-html";
import { ownerOf } from "../logins/login-owner.js";
import type { Parts } from "../parts.js";
import type { Handler } from "../http/answer.js";
import type { Providers } from "../provider/providers.js";
import type { Identity } from "../stores/login-store.js";
import { requireMethod } from "../http/method.js";
import { sourceHash } from "../http/page.js";

// Section 3.1: asks every five seconds; "changed" and "error" end the asking.
const SCRIPT = `const frame = document.querySelector("iframe");
const { question, origin } = frame.dataset;
const ask = () => frame.contentWindow.postMessage(question, origin);
let timer;
frame.addEventListener("load", () => { ask(); timer ??= setInterval(ask, 5000); });
addEventListener("message", (event) => {
  if (event.origin !== origin || event.source !== frame.contentWindow) return;
  if (event.data === "unchanged") return;
  clearInterval(timer);
  if (event.data !== "changed") return;
  parent.postMessage({ type: "login-kit:session-changed" }, location.origin);
});`;

/** What the frame works with. */
type FrameParts = Pick<Parts, "providers" | "currentLogin">;

/**
 * Creates `GET /check-session`: pages of the application load it in a hidden
 * frame, and get the message `{ type: "login-kit:session-changed" }` when the
 * user's session at the provider is another one or over.
 *
 * Where there is nothing to watch (no login, or the provider has no
 * `check_session_iframe`) it answers 204. Browsers that keep third-party
 * cookies back make providers answer "changed"; back-channel logout needs none.
 */
export function createCheckSession({
  providers,
  currentLogin,
}: FrameParts): Handler {
  return async function checkSession(req, res) {
    requireMethod(req, "GET");
    res.set("Cache-Control", "no-store");
    const login = await currentLogin.find(req, { extend: false });
    const frame = await frameOf(login?.record.identity, providers);
    if (frame === undefined) {
      res.status(204).end();
      return;
    }
    const { address, question } = frame;
    const { origin } = new URL(address);
    res.set({
      "Content-Security-Policy": `default-src 'none'; script-src ${sourceHash(SCRIPT)}; frame-src ${origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`,
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "SAMEORIGIN",
    });
    res.type("html");
    res.send(`<!doctype html>
<html lang="en">
<title>Session check</title>
<iframe src="${escapeHtml(address)}" data-origin="${escapeHtml(origin)}" data-question="${escapeHtml(question)}"></iframe>
<script>${SCRIPT}</script>
</html>
`);
  };
}

/** The provider's frame, and what it is asked; undefined where there is nothing to watch. */
async function frameOf(
  identity: Identity | undefined,
  providers: Providers,
): Promise<{ address: string; question: string } | undefined> {
  if (identity?.sessionState === undefined) return undefined;
  const provider = await providers.of(ownerOf(identity));
  const { checkSession: address } = await provider.pages();
  if (address === undefined) return undefined;
  const question = `${provider.clientId} ${identity.sessionState}`;
  return { address, question };
}
