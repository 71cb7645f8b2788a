/** Asks the application whether a user is signed in, and what is kept with the login: the option `onLogin`. */
import type { Request } from "express";
import { isPlainObject } from "../base/checked.js";
import { LoginKitError } from "../base/errors.js";
import { hookFailed, resultOfHook } from "../base/hook.js";
import { jsonFault } from "../base/plain-json.js";
import { printable } from "../base/printable.js";
import type { Config } from "../config/config.js";
import type { IncomingLogin } from "../config/hook-options.js";
import { withoutSecrets } from "../outgoing/sent-secrets.js";
import type { Identity, LoginRecord } from "../stores/login-store.js";

/** Longest text of a refusal, in characters. */
const MAX_REFUSAL = 1000;

/** Longest data of a login, in bytes as JSON: it is read with every guarded request. */
const MAX_DATA = 4096;

/**
 * What the application keeps with the login; undefined: nothing.
 *
 * @throws {LoginKitError} `ERR_LOGIN_REFUSED`, `ERR_LOGIN_HOOK_FAILED`
 */
export async function askApplication(
  {
    onLogin,
    hookTimeoutSeconds,
  }: Pick<Config, "onLogin" | "hookTimeoutSeconds">,
  identity: Identity,
  state: LoginRecord["state"],
  req: Request,
): Promise<LoginRecord["data"]> {
  if (onLogin === undefined) return undefined;
  const login = incomingLogin(identity, state);
  try {
    return decisionOf(
      await resultOfHook(
        "onLogin",
        () => onLogin(login, req) as unknown,
        hookTimeoutSeconds,
      ),
    );
  } catch (error) {
    throw withoutAnswerOf(req, failureOf(error));
  }
}

/** A result, or an error, may fail when it is read. */
function failureOf(error: unknown): LoginKitError {
  return error instanceof LoginKitError
    ? error
    : hookFailed("onLogin", "gave or threw what cannot be read", error);
}

/** A copy: what the application does to it is not what is stored. */
function incomingLogin(
  identity: Identity,
  state: LoginRecord["state"],
): IncomingLogin {
  const { provider, acr, authenticatedAt } = identity;
  const { claims, unverifiedUser } = structuredClone({
    claims: identity.claims,
    unverifiedUser: identity.unverifiedUser,
  });
  return {
    provider,
    claims,
    unverifiedUser,
    authenticatedAt:
      authenticatedAt === undefined ? undefined : new Date(authenticatedAt),
    acr,
    state: structuredClone(state),
  };
}

/** Reads what `onLogin` gave; whatever is not understood signs nobody in. */
function decisionOf(result: unknown): LoginRecord["data"] {
  if (result === undefined) return undefined;
  const [[name, value] = [], ...more] = isPlainObject(result)
    ? Object.entries(result)
    : [];
  if (more.length > 0 || (name !== "refuse" && name !== "data")) {
    throw hookFailed(
      "onLogin",
      "gave no decision: it has to return nothing, { refuse: text } or { data: { … } }",
    );
  }
  if (name === "data") return dataOf(value);
  if (typeof value !== "string" || value === "" || value.length > MAX_REFUSAL) {
    throw hookFailed(
      "onLogin",
      `refuses without a text of 1 to ${String(MAX_REFUSAL)} characters`,
    );
  }
  throw new LoginKitError("ERR_LOGIN_REFUSED", {
    message: `the function onLogin refused: ${printable(value)}`,
    userText: value,
  });
}

function dataOf(data: unknown): LoginRecord["data"] {
  if (!isPlainObject(data)) {
    throw hookFailed("onLogin", "gave data that is no plain object");
  }
  let fault: string | undefined;
  let text: string;
  try {
    fault = jsonFault(data, "data");
    text = fault === undefined ? JSON.stringify(data) : "";
  } catch (error) {
    throw hookFailed("onLogin", "gave data that cannot be read", error);
  }
  if (fault !== undefined) {
    throw hookFailed(
      "onLogin",
      `gave data that JSON would change: ${printable(fault)}`,
    );
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DATA) {
    throw hookFailed(
      "onLogin",
      `gave data of ${String(bytes)} bytes as JSON; up to ${String(MAX_DATA)} are kept`,
    );
  }
  return JSON.parse(text) as LoginRecord["data"];
}

/** The function has the request in hand: what it says of it is not told with the code and the cookies. */
function withoutAnswerOf(req: Request, error: LoginKitError): LoginKitError {
  const [, query = ""] = req.originalUrl.split("?");
  const cookies = (req.headers.cookie ?? "").split(/; */);
  const message = withoutSecrets(error.message, [
    ...new URLSearchParams(query).values(),
    ...cookies.map((cookie) => cookie.slice(cookie.indexOf("=") + 1)),
  ]);
  return error.with({ message });
}
