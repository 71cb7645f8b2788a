/** Which language a page is shown in, and in which direction that is written. */
import type { Request } from "express";
import { queryOf } from "./query.js";

/** What the pages speak without any translation. */
const ENGLISH = "en";

/** The most languages that a request is asked for, by `ui_locales` and by its header each. */
const MAX_LOCALES = 20;

/** The longest language range that is looked up, in characters (RFC 5646 4.4.1). What is longer costs time, and means nothing. */
const MAX_RANGE = 35;

/** Scripts that are written from right to left, of the languages that browsers ask for. */
const RIGHT_TO_LEFT = new Set(["Adlm", "Arab", "Hebr", "Nkoo", "Syrc", "Thaa"]);

/**
 * The language of a page: what `ui_locales` asks for (Core 3.1.2.1), then
 * `Accept-Language`, as far as it is spoken; English otherwise.
 *
 * @param spoken language tags of the translations
 */
export function languageFor(req: Request, spoken: readonly string[]): string {
  if (spoken.length === 0) return ENGLISH;
  const asked = (queryOf(req).get("ui_locales") ?? "")
    .split(" ", MAX_LOCALES)
    .filter(Boolean);
  const accepted = req.acceptsLanguages().slice(0, MAX_LOCALES);
  for (const wanted of [...asked, ...accepted]) {
    if (wanted.length > MAX_RANGE) continue;
    const found = lookUp(wanted, [...spoken, ENGLISH]);
    if (found !== undefined) return found;
  }
  return ENGLISH;
}

/** `rtl` for languages that are written from right to left. */
export function directionOf(language: string): "ltr" | "rtl" {
  const { script = "" } = new Intl.Locale(language).maximize();
  return RIGHT_TO_LEFT.has(script) ? "rtl" : "ltr";
}

/** The range itself, or what is left of it from the right (RFC 4647 3.4). */
function lookUp(wanted: string, spoken: readonly string[]): string | undefined {
  const parts = wanted.toLowerCase().split("-");
  for (let count = parts.length; count > 0; count--) {
    const range = parts.slice(0, count).join("-");
    const found = spoken.find((tag) => tag.toLowerCase() === range);
    if (found !== undefined) return found;
  }
  return undefined;
}
