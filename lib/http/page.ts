/** A page of the kit: one style, and a policy that lets nothing else in. */
import { createHash } from "node:crypto";
import escapeHtml from "escape-html";
import type { Response } from "express";

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}
main{box-sizing:border-box;width:100%;max-width:36rem;padding:2rem 1.25rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem;text-wrap:balance}
p{margin:0 0 1rem}
.action{display:inline-block;border:0;font:inherit;cursor:pointer;padding:.6rem 1.1rem;border-radius:.5rem;background:#1d4ed8;color:#fff;text-decoration:none}
.action:focus-visible{outline:3px solid CanvasText;outline-offset:2px}
summary{cursor:pointer}
details p{margin:.5rem 0 0}
details code{white-space:pre-wrap}
code{font-size:.9rem;opacity:.75;overflow-wrap:anywhere}`;

/** What a page shows. */
export interface Page {
  readonly title: string;
  /** HTML; whatever was not written here must have been escaped. */
  readonly content: string;
  /** A script of ours, allowed by its hash. Default: none. */
  readonly script?: string;
  /**
   * Where its forms may lead. Default: nowhere. Browsers hold redirects that
   * follow a form against this too, and a provider may redirect anywhere.
   */
  readonly forms?: "anywhere";
}

/** Sends a page that loads nothing and that no site may frame. Sets neither status nor caching. */
export function sendPage(res: Response, page: Page): void {
  const { title, content, script, forms } = page;
  const policy = [
    "default-src 'none'",
    `style-src ${sourceHash(STYLE)}`,
    ...(script === undefined ? [] : [`script-src ${sourceHash(script)}`]),
    "base-uri 'none'",
    ...(forms === undefined ? ["form-action 'none'"] : []),
    "frame-ancestors 'none'",
  ];
  res.set({
    "Content-Security-Policy": policy.join("; "),
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
  });
  res.type("html");
  res.send(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${content}
</main>
${script === undefined ? "" : `<script>${script}</script>\n`}</body>
</html>
`);
}

/** The source expression that allows this very script or style (Content Security Policy). */
export function sourceHash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
