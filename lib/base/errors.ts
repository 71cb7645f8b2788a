/** What can go wrong: the one error of the kit. */
import { failureTexts, type LoginKitErrorCode } from "./failure-texts.js";

/** What a provider said in an OAuth error response (RFC 6749 5.2, 4.1.2.1). */
export interface OAuthErrorResponse {
  readonly error: string;
  /** Untrusted text of the provider. On a page in development only. */
  readonly description?: string;
}

/** The parts of a {@link LoginKitError} beside its code. */
export interface LoginKitErrorDetails {
  /** What exactly happened, for the developer. Never holds a secret. */
  readonly message?: string;
  readonly cause?: unknown;
  readonly oauthError?: OAuthErrorResponse | undefined;
  /** Path that signs in and comes back here. Default: the login path alone. */
  readonly loginUrl?: string;
  /** What the application wants the user to be told, in place of the code's remedy. */
  readonly userText?: string | undefined;
  /** Further members of the problem+json answer (RFC 9457 3.2). Never a secret. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Response headers that belong to the answer, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The one error of the kit. Express's own error handling honours `status` and
 * `headers`, so it can be passed to `next()` as it is.
 */
export class LoginKitError extends Error {
  readonly code: LoginKitErrorCode;
  /** HTTP status to answer with. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly oauthError: OAuthErrorResponse | undefined;
  readonly loginUrl: string | undefined;
  /** What the application wants the user to be told, in its own words: the text of `onLogin`'s `refuse`. Escape it in a page. */
  readonly userText: string | undefined;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: LoginKitErrorCode, details: LoginKitErrorDetails = {}) {
    const text = failureTexts[code];
    super(
      details.message ?? text.cause,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = "LoginKitError";
    this.code = code;
    this.status = text.status;
    this.oauthError = details.oauthError;
    this.loginUrl = details.loginUrl;
    this.userText = details.userText;
    this.members = details.members ?? {};
    // 503 without a hint makes clients guess; a few seconds suit a failover.
    this.headers =
      details.headers ?? (text.status === 503 ? { "Retry-After": "5" } : {});
  }

  /** The same failure, told with other details; those that are not named stay. */
  with(details: LoginKitErrorDetails): LoginKitError {
    const { message, cause, oauthError, headers, members, loginUrl } = this;
    const { userText } = this;
    return new LoginKitError(this.code, {
      message,
      cause,
      oauthError,
      headers,
      members,
      userText,
      ...(loginUrl !== undefined && { loginUrl }),
      ...details,
    });
  }
}

/**
 * A refusal as visitors get it all day: the code says all, so nobody needs to
 * know where it was thrown. Looking that up costs more than the rest of the answer.
 */
export function everydayRefusal(
  ...given: ConstructorParameters<typeof LoginKitError>
): LoginKitError {
  const { stackTraceLimit } = Error;
  // It stays as it is where an application has frozen it.
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return new LoginKitError(...given);
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

/** Thrown where wrong options are handed over; `problems` lists every one of them at once. */
export class ConfigError extends LoginKitError {
  declare readonly problems: readonly string[];

  /** @param call what was called with them */
  constructor(problems: readonly string[], call = "createLoginKit") {
    super("ERR_CONFIG", {
      message: `${call}: ${String(problems.length)} wrong option${problems.length === 1 ? "" : "s"}\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    });
    this.name = "ConfigError";
    // Node prints the members of an error that nobody catches beside its message,
    // which says them already.
    Object.defineProperty(this, "problems", { value: problems });
  }
}
