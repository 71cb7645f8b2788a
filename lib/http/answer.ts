/** How a failure is told: a page for a page load, problem+json for the rest. */
import escapeHtml from "escape-html";
import type {
  ErrorRequestHandler,
  NextFunction,
  Request,
  RequestHandler,
  Response,
} from "express";
import type { Config } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import { failureTexts } from "../base/failure-texts.js";
import { oneLine } from "../base/printable.js";
import { isPageLoad } from "./navigation.js";
import { sendPage } from "./page.js";

/** What an answer about a failure needs to know. */
export interface Answering extends Pick<Ground, "config" | "events"> {
  /** Whether a failure may be told as a page. Default true; false where no browser asks. */
  readonly pages?: boolean;
}

/** A handler of the kit: it answers, calls `next`, or rejects with a LoginKitError. */
export type Handler = (
  req: Request,
  res: Response,
  next: NextFunction,
) => Promise<void> | void;

/** Wraps a handler so that its failures are answered; other errors go to `next`. */
export function answering(deps: Answering, handler: Handler): RequestHandler {
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
  { config, events, pages = true }: Answering,
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
    diagnosis: oneLine(error.message),
    address: req.ip,
  });
  if (error.status >= 500) events.emit("error", error);
  if (res.headersSent) {
    // Half an answer must not look like a whole one.
    if (!res.writableEnded) res.destroy(error);
    return;
  }
  // The page's helper follows the login_url of no other answer (browser/browser.ts).
  res.set("X-Login-Kit", "1");
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
  if (error.status === 401) res.set(challengeHeader(config));
  const loginUrl = error.loginUrl ?? config.paths.login;
  if (pages && isPageLoad(req)) sendErrorPage(res, error, loginUrl, config);
  else sendProblem(res, error, loginUrl);
}

/** RFC 9110 15.5.2 wants a challenge with a 401; this one makes no browser ask. */
export function challengeHeader({
  baseUrls: [baseUrl],
}: Config): Record<string, string> {
  return { "WWW-Authenticate": `Cookie realm="${baseUrl}"` };
}

/** An Express error handler for kit errors that the application's own handlers throw. */
export function createErrorHandler(deps: Answering): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    answerError(deps, error, req, res, next);
  };
}

function sendProblem(
  res: Response,
  error: LoginKitError,
  loginUrl: string,
): void {
  res.type("application/problem+json");
  res.send(problemOf(error, loginUrl));
}

/** Problem Details for HTTP APIs (RFC 9457). */
export function problemOf(error: LoginKitError, loginUrl: string): string {
  const { title, cause, remedy } = failureTexts[error.code];
  return JSON.stringify({
    type: "about:blank",
    title,
    status: error.status,
    detail: cause,
    code: error.code,
    remedy,
    ...(error.oauthError && { oauth_error: error.oauthError.error }),
    ...(offersLogin(error) && { login_url: loginUrl }),
    // What a provider looks for (Back-Channel Logout 2.8).
    ...(error.code === "ERR_LOGOUT_TOKEN_INVALID" && {
      error: "invalid_request",
      error_description: error.message,
    }),
    ...error.members,
  });
}

/** Whether signing in (again) is a way on. */
function offersLogin(error: LoginKitError): boolean {
  return error.status === 401 || SIGN_IN_AGAIN.has(error.code);
}

const SIGN_IN_AGAIN = new Set<LoginKitError["code"]>([
  "ERR_RETURN_TO_INVALID",
  "ERR_LOGIN_PARAMETER_INVALID",
  "ERR_CALLBACK_MALFORMED",
  "ERR_TRANSACTION_NOT_FOUND",
  "ERR_TRANSACTION_EXPIRED",
  "ERR_TRANSACTION_USED",
  "ERR_LOGIN_LOOP",
  "ERR_ISSUER_MISMATCH",
  "ERR_ACCESS_DENIED",
  "ERR_AUTHORIZATION_FAILED",
  "ERR_SIGN_IN_FAILED",
  "ERR_TOKEN_REQUEST_REJECTED",
  "ERR_ID_TOKEN_INVALID",
  "ERR_AUTHENTICATION_TOO_WEAK",
  "ERR_USERINFO_INVALID",
  "ERR_DISCOVERY_INVALID",
  "ERR_PROVIDER_UNAVAILABLE",
]);

function sendErrorPage(
  res: Response,
  error: LoginKitError,
  loginUrl: string,
  { explainsErrors }: Config,
): void {
  const { title, cause, remedy } = failureTexts[error.code];
  const diagnosis =
    explainsErrors && error.message !== cause
      ? `<details><summary>For developers; not shown in production</summary>
<p><code>${escapeHtml(error.message)}</code></p></details>
`
      : "";
  // Who could not be answered has not failed to sign in.
  const label = "Retry-After" in error.headers ? "Try again" : "Sign in again";
  const action = offersLogin(error)
    ? `<p><a class="action" href="${escapeHtml(loginUrl)}">${label}</a></p>`
    : "";
  const oauthError =
    error.oauthError === undefined
      ? ""
      : ` &middot; ${escapeHtml(error.oauthError.error.slice(0, 80))}`;
  sendPage(res, {
    title,
    content: `<p>${escapeHtml(cause)}</p>
<p>${escapeHtml(remedy)}</p>
${action}
<p><code>${error.code}${oauthError}</code></p>
${diagnosis}`,
  });
}
