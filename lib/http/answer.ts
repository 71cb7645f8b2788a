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
import { refuseCalled } from "../base/calls.js";
import { LoginKitError } from "../base/errors.js";
import { failureTexts } from "../base/failure-texts.js";
import { oneLine } from "../base/printable.js";
import { noticeOnce } from "../telling/notice.js";
import { witness } from "../telling/witness.js";
import { isPageLoad } from "./navigation.js";
import { sendPage, type Say, type TextName } from "./page.js";

/** What an answer about a failure needs to know. */
export interface Answering extends Pick<
  Ground,
  "config" | "events" | "watched"
> {
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
  const { watched } = deps;
  const answered: RequestHandler = async (req, res, next) => {
    try {
      await handler(req, res, next);
    } catch (error) {
      answerError(deps, error, req, res, next);
    }
  };
  return (req, res, next) =>
    watched.by === undefined
      ? answered(req, res, next)
      : watched.by(req, res, () => answered(req, res, next));
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
  witness()?.refused(error);
  events.emit("request.refused", {
    code: error.code,
    method: req.method,
    path: req.originalUrl.replace(/\?.*$/s, ""),
    diagnosis: oneLine(error.message),
    address: req.ip,
  });
  if (error.status >= 500) events.emit("error", error);
  // The application's mistake, which nobody may listen for.
  if (error.code === "ERR_CONFIG") noticeOnce(config, error.message);
  if (res.headersSent) {
    // Half an answer must not look like a whole one.
    if (!res.writableEnded) res.destroy(error);
    return;
  }
  const { answerError: answer } = config;
  if (answer !== undefined) {
    res.set(OF_THE_KIT);
    // The application's own code: what it throws is the application's error.
    Promise.resolve()
      .then(() => answer(error, req, res, next))
      .catch(next);
    return;
  }
  const headers = {
    ...OF_THE_KIT,
    ...error.headers,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    ...(error.status === 401 && challengeHeader(config)),
  };
  const loginUrl = error.loginUrl ?? config.paths.login;
  if (pages && isPageLoad(req)) {
    res.status(error.status).set(headers);
    sendErrorPage(res, error, loginUrl, config);
  } else sendProblem(res, error, loginUrl, headers);
}

/** The page's helper follows the login_url of no other answer (browser/browser.ts). */
const OF_THE_KIT = { "X-Login-Kit": "1" };

/** RFC 9110 15.5.2 wants a challenge with a 401; this one makes no browser ask. */
export function challengeHeader({
  baseUrls: [baseUrl],
}: Config): Record<string, string> {
  return { "WWW-Authenticate": `Cookie realm="${baseUrl}"` };
}

/** An Express error handler for kit errors that the application's own handlers throw. */
export function createErrorHandler(deps: Answering): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    refuseCalled("kit.errorHandler", req);
    answerError(deps, error, req, res, next);
  };
}

function sendProblem(
  res: Response,
  error: LoginKitError,
  loginUrl: string,
  headers: Readonly<Record<string, string>>,
): void {
  const problem = problemOf(error, loginUrl);
  // In one step: Express's own steps look at the response again and again, and
  // hash a body that nobody may keep.
  res.writeHead(error.status, {
    ...headers,
    "Content-Type": "application/problem+json; charset=utf-8",
    "Content-Length": Buffer.byteLength(problem),
  });
  res.end(problem);
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
    remedy: error.userText ?? remedy,
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

/** What a permission that is missing is called: only that it is, not what it should be. */
function missingOf({ members }: LoginKitError): string {
  const { missing } = members;
  if (typeof missing !== "object" || missing === null) return "";
  const names = Object.entries(missing).flatMap(([what, missed]) =>
    Array.isArray(missed) ? [`${what}: ${missed.join(", ")}`] : [],
  );
  return names.length === 0
    ? ""
    : `<p><code>${escapeHtml(names.join("; "))}</code></p>
`;
}

/** Whether signing in (again) is a way on. */
function offersLogin(error: LoginKitError): boolean {
  return (
    error.loginUrl !== undefined ||
    error.status === 401 ||
    SIGN_IN_AGAIN.has(error.code)
  );
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
  "ERR_LOGIN_REFUSED",
  "ERR_LOGIN_HOOK_FAILED",
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
  config: Config,
): void {
  const { code } = error;
  const diagnosis =
    config.explainsErrors && error.message !== failureTexts[code].cause
      ? `<details open><summary>For developers; not shown in production</summary>
<p><code>${escapeHtml(error.message)}</code></p></details>
`
      : "";
  const label = labelOf(error);
  const actionIn = (say: Say): string =>
    offersLogin(error)
      ? `<p><a class="action" href="${escapeHtml(loginUrl)}">${say(label)}</a></p>`
      : "";
  const { userText } = error;
  const oauthError =
    error.oauthError === undefined
      ? ""
      : ` &middot; ${escapeHtml(error.oauthError.error.slice(0, 80))}`;
  sendPage(res, config, (say) => ({
    title: say(`${code}.title`),
    content: `<p>${say(`${code}.cause`)}</p>
${missingOf(error)}<p>${userText === undefined ? say(`${code}.remedy`) : escapeHtml(userText)}</p>
${actionIn(say)}
<p><code>${code}${oauthError}</code></p>
${diagnosis}`,
  }));
}

/** What the way on is called. */
function labelOf({ code, headers }: LoginKitError): TextName {
  // Who could not be answered has not failed to sign in.
  if ("Retry-After" in headers) return "action.try-again";
  return code === "ERR_LOGIN_REFUSED"
    ? "action.sign-in-as-other"
    : "action.sign-in-again";
}
