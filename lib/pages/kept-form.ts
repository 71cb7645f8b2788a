/** Asks whether a form that was posted without a login is to be sent now. */
import escapeHtml from "escape-html";
import type { Request, Response } from "express";
import { LoginKitError } from "../base/errors.js";
import { oneLine } from "../base/printable.js";
import { localPath } from "../base/return-to.js";
import { baseUrlOf, askedPath } from "../config/base-url.js";
import type { Handler } from "../http/answer.js";
import { refuseUnlessOwnPage } from "../http/cross-site.js";
import { loginUrl } from "../http/login-url.js";
import { requireMethod } from "../http/method.js";
import { sendPage, type Say } from "../http/page.js";
import { queryOf } from "../http/query.js";
import type { Parts } from "../parts.js";
import { keptFormPath, type KeptForm } from "../sign-in/kept-forms.js";
import type { Claims } from "../stores/login-store.js";

/** What the user decides: a query parameter, because the posted fields are the form's own. */
const DO = "do";

/** How many names of fields are shown. */
const MAX_NAMES = 20;

/** The most of a name that is shown, in characters. */
const MAX_NAME = 80;

/** What this page works with. */
type FormParts = Pick<Parts, "config" | "currentLogin" | "keptForms">;

/**
 * Creates `GET /login/form?form=…`, which asks, and the `POST` of its buttons.
 *
 * Nothing is sent without the user: who signed in meanwhile may be somebody
 * else. A form is sent once. It goes by a redirect that keeps method and body,
 * so that the application gets it as any other form of its own pages.
 */
export function createKeptForm(parts: FormParts): Handler {
  const { config, currentLogin, keptForms } = parts;
  return async function keptForm(req, res) {
    requireMethod(req, "GET", "POST");
    res.set({
      "Cache-Control": "no-store",
      // The buttons' requests need their Origin for browsers without Fetch Metadata.
      "Referrer-Policy": "same-origin",
    });
    const [choice] = req.method === "POST" ? queryOf(req).getAll(DO) : [];
    if (req.method === "POST") {
      refuseUnlessOwnPage(req, baseUrlOf(req, config));
    }
    if (choice === "drop") {
      const dropped = await keptForms.take(req, res);
      res.redirect(303, dropped?.page ?? config.defaultReturnTo);
      return;
    }
    const login = await currentLogin.find(req);
    if (login === undefined) throw loginRequired(req, parts);
    if (choice === "send") {
      const form = await keptForms.take(req, res);
      res.redirect(307, formOf(form).address);
      return;
    }
    const form = formOf(await keptForms.find(req));
    sendQuestion(res, form, login.record.identity.claims, parts);
  };
}

/** The form stays where it is until the user is back. */
function loginRequired(req: Request, { config }: FormParts): LoginKitError {
  const query = queryOf(req);
  query.delete(DO);
  const here = localPath(`${askedPath(req, config)}?${query.toString()}`);
  return new LoginKitError("ERR_LOGIN_REQUIRED", {
    loginUrl: loginUrl(config, here),
  });
}

function formOf(form: KeptForm | undefined): KeptForm {
  if (form !== undefined) return form;
  throw new LoginKitError("ERR_KEPT_FORM_GONE");
}

/** Shows no value: nobody knows which field is a password. */
function sendQuestion(
  res: Response,
  { id, address, fields }: KeptForm,
  claims: Claims,
  { config }: FormParts,
): void {
  const page = keptFormPath(id, config);
  const inputs = [...fields].map(
    ([name, value]) =>
      `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  sendPage(res, config, (say) => ({
    title: say("kept-form.title"),
    content: `<p>${say("kept-form.signed-in-as")} <strong>${shown(nameOf(claims))}</strong>.</p>
<p>${say("kept-form.text")} <code>${shown(address)}</code></p>
<p>${namesOf(fields, say)}</p>
<form method="post" action="${escapeHtml(page)}&amp;${DO}=send">
${inputs.join("\n")}
<p><button class="action">${say("action.send-form")}</button></p>
</form>
<form method="post" action="${escapeHtml(page)}&amp;${DO}=drop">
<p><button>${say("action.drop-form")}</button></p>
</form>`,
    // What the application answers may lead anywhere.
    forms: "anywhere",
  }));
}

/** What people know themselves by; `sub` where the provider tells nothing else. */
function nameOf(claims: Claims): string {
  const { name, preferred_username, email, sub } = claims as Readonly<
    Record<string, unknown>
  >;
  const names = [name, preferred_username, email, sub];
  return String(names.find((one) => typeof one === "string" && one !== ""));
}

function namesOf(fields: URLSearchParams, say: Say): string {
  const names = [...new Set(fields.keys())];
  if (names.length === 0) return say("kept-form.no-fields");
  const first = names
    .slice(0, MAX_NAMES)
    .map((name) => `<code>${shown(name)}</code>`);
  const more = names.length - first.length;
  return `${say("kept-form.fields")} ${first.join(", ")}${more > 0 ? ` (+${String(more)})` : ""}`;
}

function shown(text: string): string {
  return escapeHtml(oneLine(text).slice(0, MAX_NAME));
}
