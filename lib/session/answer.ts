/** How a failure is told: a page for a page load, problem+json for the rest. */
import { createHash } from "node:crypto";
import escapeHtml from "escape-html";
import type {
  ErrorRequestHandler,
  NextFunction,
  Request,
  RequestHandler,
  Response,
} from "express";
import type { Config } from "../config.js";
import { failureTexts, LoginKitError } from "../errors.js";
import type { LoginKitEmitter } from "../events.js";
import { isPageLoad } from "./navigation.js";

/** What an answer about a failure needs to know. */
export interface AnswerDeps {
  readonly config: Config;
  readonly events: LoginKitEmitter;
}

/** A handler of the kit: it answers, calls `next`, or rejects with a LoginKitError. */
export type Handler = (
  req: Request,
  res: Response,
  next: NextFunction,
) => Promise<void> | void;

/** Wraps a handler so that its failures are answered; other errors go to `next`. */
export function answering(deps: AnswerDeps, handler: Handler): RequestHandler {
  return async (req, res, next) => {
    try {
      await handler(req, res, next);
    } catch (error) {
      answerError(deps, error, req, res, next);
    }
  };
}

/** Answers a LoginKitError, or hands the error to the application. */
export function answerError(
  { config, events }: AnswerDeps,
  error: unknown,
  req: Request,
  res: Response,
  next: NextFunction,
): void {
  if (!(error instanceof LoginKitError)) {
    next(error);
    return;
  }
  events.emit("request.refused", {
    code: error.code,
    method: req.method,
    path: req.originalUrl.replace(/\?.*$/s, ""),
  });
  if (error.status >= 500) events.emit("error", error);
  if (res.headersSent) {
    // Half an answer must not look like a whole one.
    if (!res.writableEnded) res.destroy(error);
    return;
  }
  const { answerError: answer } = config;
  if (answer !== undefined) {
    // The application's own code: what it throws is the application's error.
    Promise.resolve()
      .then(() => answer(error, req, res, next))
      .catch(next);
    return;
  }
  res.status(error.status);
  res.set({
    ...error.headers,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  });
  if (error.status === 401) {
    // RFC 9110 15.5.2 wants a challenge; this one makes no browser ask.
    res.set("WWW-Authenticate", `Cookie realm="${config.baseUrl}"`);
  }
  const loginUrl = error.loginUrl ?? config.paths.login;
  if (isPageLoad(req)) sendPage(res, error, loginUrl);
  else sendProblem(res, error, loginUrl);
}

/** An Express error handler for kit errors that the application's own handlers throw. */
export function createErrorHandler(deps: AnswerDeps): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    answerError(deps, error, req, res, next);
  };
}

/** Problem Details for HTTP APIs (RFC 9457). */
function sendProblem(
  res: Response,
  error: LoginKitError,
  loginUrl: string,
): void {
  const { title, cause, remedy } = failureTexts[error.code];
  res.type("application/problem+json");
  res.send(
    JSON.stringify({
      type: "about:blank",
      title,
      status: error.status,
      detail: cause,
      code: error.code,
      remedy,
      ...(error.oauthError && { oauth_error: error.oauthError.error }),
      ...(offersLogin(error) && { login_url: loginUrl }),
    }),
  );
}

/** Whether signing in (again) is a way on. */
function offersLogin(error: LoginKitError): boolean {
  return error.status === 401 || SIGN_IN_AGAIN.has(error.code);
}

const SIGN_IN_AGAIN = new Set<LoginKitError["code"]>([
  "ERR_CALLBACK_MALFORMED",
  "ERR_TRANSACTION_NOT_FOUND",
  "ERR_TRANSACTION_EXPIRED",
  "ERR_TRANSACTION_USED",
  "ERR_ISSUER_MISMATCH",
  "ERR_ACCESS_DENIED",
  "ERR_AUTHORIZATION_FAILED",
  "ERR_TOKEN_REQUEST_REJECTED",
  "ERR_ID_TOKEN_INVALID",
  "ERR_AUTHENTICATION_TOO_WEAK",
  "ERR_USERINFO_INVALID",
  "ERR_DISCOVERY_INVALID",
  "ERR_PROVIDER_UNAVAILABLE",
]);

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}
main{box-sizing:border-box;width:100%;max-width:36rem;padding:2rem 1.25rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}
p{margin:0 0 1rem}
a.action{display:inline-block;padding:.6rem 1.1rem;border-radius:.5rem;background:#1d4ed8;color:#fff;text-decoration:none}
a.action:focus-visible{outline:3px solid;outline-offset:2px}
code{font-size:.9rem;opacity:.75;overflow-wrap:anywhere}`;

// Only this very style sheet may apply; nothing else is loaded, run, framed or posted.
const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

function sendPage(res: Response, error: LoginKitError, loginUrl: string): void {
  const { title, cause, remedy } = failureTexts[error.code];
  const action = offersLogin(error)
    ? `<p><a class="action" href="${escapeHtml(loginUrl)}">Sign in again</a></p>`
    : "";
  const oauthError =
    error.oauthError === undefined
      ? ""
      : ` &middot; ${escapeHtml(error.oauthError.error)}`;
  res.set({
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
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
<p>${escapeHtml(cause)}</p>
<p>${escapeHtml(remedy)}</p>
${action}
<p><code>${error.code}${oauthError}</code></p>
</main>
</body>
</html>
`);
}
