/** A page of the kit: the application's look, and a policy that lets nothing else in. */
import { createHash } from "node:crypto";
import escapeHtml from "escape-html";
import type { Response } from "express";
import { failureTexts, type LoginKitErrorCode } from "../base/failure-texts.js";
import { pageTexts, type PageTextKey } from "../base/page-texts.js";
import type { Config } from "../config/config.js";
import { directionOf, languageFor } from "./page-language.js";

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}
main{box-sizing:border-box;width:100%;max-width:36rem;padding:2rem 1.25rem}
header{display:flex;align-items:center;gap:.75rem;margin:0 0 1.5rem;font-weight:600}
header img{max-width:100%;max-height:3rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem;text-wrap:balance}
p{margin:0 0 1rem}
.action{display:inline-block;border:0;font:inherit;cursor:pointer;padding:.6rem 1.1rem;border-radius:.5rem;background:#1d4ed8;color:#fff;text-decoration:none}
.action:focus-visible{outline:3px solid CanvasText;outline-offset:2px}
summary{cursor:pointer}
details p{margin:.5rem 0 0}
details code{white-space:pre-wrap}
code{font-size:.9rem;opacity:.75;overflow-wrap:anywhere}`;

/** Where the forms of a page may lead. */
type FormTargets = "nowhere" | "here" | "anywhere";

/** What the policy says about it. */
const FORM_ACTION: Readonly<Record<FormTargets, readonly string[]>> = {
  nowhere: ["form-action 'none'"],
  here: ["form-action 'self'"],
  anywhere: [],
};

/** The name of a text: of a page, or about a failure. */
export type TextName =
  PageTextKey | `${LoginKitErrorCode}.${"title" | "cause" | "remedy"}`;

/** Gives a text in the user's language, as HTML. */
export type Say = (name: TextName) => string;

/** What a page shows. All of it is HTML: whatever was not written here must have been escaped. */
export interface Page {
  readonly title: string;
  readonly content: string;
  /** What the link says that leads out of the kit's pages. Default `action.back`. */
  readonly back?: string;
  /** A script of ours, allowed by its hash. Default: none. */
  readonly script?: string;
  /**
   * Where its forms may lead: to this application, or also to a provider.
   * Default: nowhere. Browsers hold redirects that follow a form against this
   * too, and a provider may redirect anywhere.
   */
  readonly forms?: FormTargets;
}

/** What a page needs to know of the application. */
export type PageConfig = Pick<
  Config,
  "baseUrls" | "pages" | "postLogoutReturnTo"
>;

/**
 * Sends a page that loads nothing but what the option `pages` names, and that no
 * site may frame. Sets neither status nor caching.
 *
 * @param write makes the page of texts in the user's language
 */
export function sendPage(
  res: Response,
  config: PageConfig,
  write: (say: Say) => Page,
): void {
  const { pages, postLogoutReturnTo } = config;
  const language = languageFor(res.req, pages.languages);
  const say = sayIn(pages.texts[language] ?? {});
  const page = write(say);
  const { title, content, script, back = say("action.back") } = page;
  const name = escapeHtml(pages.name ?? "");
  const isRightToLeft = directionOf(language) === "rtl";
  res.set({
    "Content-Security-Policy": policyOf(page, config),
    "Content-Language": language,
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
  });
  res.type("html");
  res.send(`<!doctype html>
<html lang="${escapeHtml(language)}"${isRightToLeft ? ' dir="rtl"' : ""}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}${name === "" ? "" : ` - ${name}`}</title>
<style>${STYLE}</style>
${pages.styleSheet === undefined ? "" : `<link rel="stylesheet" href="${escapeHtml(pages.styleSheet)}">\n`}</head>
<body>
<main>
${headerOf(pages, name)}<h1>${title}</h1>
${content}
<p class="back"><a href="${escapeHtml(postLogoutReturnTo)}">${back}</a></p>
</main>
${script === undefined ? "" : `<script>${script}</script>\n`}</body>
</html>
`);
}

/** The source expression that allows this very script or style (Content Security Policy). */
export function sourceHash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function sayIn(translated: Config["pages"]["texts"][string]): Say {
  return (name) => escapeHtml(textNamed(name, translated));
}

function textNamed(
  name: TextName,
  translated: Config["pages"]["texts"][string],
): string {
  if (isPageText(name)) return translated[name] ?? pageTexts[name];
  const [code, part] = name.split(".") as [
    LoginKitErrorCode,
    "title" | "cause" | "remedy",
  ];
  return translated[code]?.[part] ?? failureTexts[code][part];
}

function isPageText(name: TextName): name is PageTextKey {
  return Object.hasOwn(pageTexts, name);
}

function headerOf({ logo }: Config["pages"], name: string): string {
  if (logo !== undefined) {
    return `<header><img src="${escapeHtml(logo)}" alt="${name}"></header>\n`;
  }
  return name === "" ? "" : `<header>${name}</header>\n`;
}

function policyOf(
  { script, forms = "nowhere" }: Page,
  { pages: { logo, styleSheet }, baseUrls }: PageConfig,
): string {
  const styles = [sourceHash(STYLE), ...sourcesOf(styleSheet, baseUrls)];
  return [
    "default-src 'none'",
    `style-src ${styles.join(" ")}`,
    ...(logo === undefined
      ? []
      : [`img-src ${sourcesOf(logo, baseUrls).join(" ")}`]),
    ...(script === undefined ? [] : [`script-src ${sourceHash(script)}`]),
    "base-uri 'none'",
    ...FORM_ACTION[forms],
    "frame-ancestors 'none'",
  ].join("; ");
}

/** The source expressions that allow this very address, at whichever of the application's origins. */
function sourcesOf(
  address: string | undefined,
  baseUrls: readonly string[],
): string[] {
  if (address === undefined) return [];
  if (address.startsWith("data:")) return ["data:"];
  const origins = address.startsWith("/") ? baseUrls : [undefined];
  return origins.map((baseUrl) => {
    const { origin, pathname } = new URL(address, baseUrl);
    // What would end the expression has to be encoded (CSP 3, 2.3.1).
    return origin + pathname.replace(/[;,]/g, encodeURIComponent);
  });
}
