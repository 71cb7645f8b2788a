/** HTML as template strings in which every value is escaped. */
import escapeHtml from "escape-html";

/** Markup that is safe to send: it was made by {@link html}. */
export interface Html {
  readonly markup: string;
}

type HtmlValue = Html | string | number | readonly Html[];

/** Makes {@link Html} from a template; values are escaped unless they are {@link Html} themselves. */
export function html(
  texts: TemplateStringsArray,
  ...values: readonly HtmlValue[]
): Html {
  return { markup: String.raw({ raw: texts }, ...values.map(markupOf)) };
}

/** No markup at all, for the branch of a condition that shows nothing. */
export const nothing: Html = { markup: "" };

function markupOf(value: HtmlValue): string {
  if (typeof value === "string" || typeof value === "number") {
    return escapeHtml(String(value));
  }
  if ("markup" in value) return value.markup;
  return value.map((part) => part.markup).join("");
}
