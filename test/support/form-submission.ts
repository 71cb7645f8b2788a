/**
 * Turns a form of a page into the navigation that submitting it is.
 */
import type { BrowserRequest } from "./browser-rules.js";
import { formsIn, type HtmlForm, type SubmitButton } from "./html-forms.js";

/** The only encoding of forms that the test browser knows. */
export const FORM_TYPE = "application/x-www-form-urlencoded";

/** Where a navigation ended. */
export interface Page {
  /** The last response. Its body can be read, as text it is in `body`. */
  readonly response: Response;
  readonly body: string;
  readonly url: string;
  /** Every response on the way, the last included. */
  readonly chain: readonly { readonly url: string; readonly status: number }[];
}

/** Which form to submit, and how. */
export interface FormChoice {
  /** The submit button to press, by name, value or label. Default: the first. */
  readonly button?: string;
  /** The form's action, as written or as a path. Default: the page's first form. */
  readonly action?: string;
}

/** What submitting a form sends, and where to. */
export function submissionOf(
  page: Page,
  typed: Readonly<Record<string, string>>,
  { button: wanted, action }: FormChoice,
): BrowserRequest & { url: URL } {
  const form = findForm(page, action);
  const button = findButton(form, wanted);
  const url = new URL(button?.action ?? form.action ?? "", page.url);
  const method = button?.method ?? form.method;
  const fields = new URLSearchParams(
    form.fields.map(([name, value]): [string, string] => [name, value]),
  );
  for (const [name, value] of Object.entries(typed)) fields.set(name, value);
  if (button?.name !== undefined) fields.append(button.name, button.value);

  const referrerPolicy = page.response.headers.get("referrer-policy");
  const initiator = {
    initiator: page.url,
    ...(referrerPolicy !== null && { referrerPolicy }),
  };
  if (method !== "POST") {
    url.search = fields.toString();
    return { url, ...initiator };
  }
  if (form.enctype !== FORM_TYPE) {
    throw new Error(`forms with enctype ${form.enctype} are not supported`);
  }
  return { url, method, body: fields, ...initiator };
}

function findForm(page: Page, action: string | undefined): HtmlForm {
  const form = formsIn(page.body).find((candidate) => {
    if (action === undefined) return true;
    const { pathname } = new URL(candidate.action ?? "", page.url);
    return candidate.action === action || pathname === action;
  });
  if (form !== undefined) return form;
  const which = action === undefined ? "form" : `form with action ${action}`;
  throw new Error(
    `no ${which} on ${page.url} (${page.response.status}):\n${page.body.slice(0, 2_000)}`,
  );
}

function findButton(
  { buttons }: HtmlForm,
  wanted: string | undefined,
): SubmitButton | undefined {
  // Enter in a text field presses the first button (HTML, "implicit submission").
  if (wanted === undefined) return buttons[0];
  const button = buttons.find(({ name, value, label }) =>
    [name, value, label].includes(wanted),
  );
  if (button !== undefined) return button;
  const labels = buttons.map(({ label }) => label).join(", ");
  throw new Error(`no button ${wanted} among: ${labels}`);
}
