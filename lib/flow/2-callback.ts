/** Checks the answer, exchanges the code, starts the login. */
import { randomBytes } from "node:crypto";
import type { Request, Response } from "express";
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import type { LoginKitEmitter } from "../events.js";
import type {
  Claims,
  Identity,
  LoginStore,
  Transaction,
} from "../login-store/login-store.js";
import { oneLine } from "../printable.js";
import {
  authorizationError,
  checkResponseIssuer,
  readAuthorizationResponse,
  withErrorIn,
  type AuthorizationResponse,
} from "../provider/authorization-response.js";
import { excessOf } from "../provider/claims-bounds.js";
import type { Issuer } from "../provider/issuer.js";
import type {
  CodeExchange,
  TokenRequests,
} from "../provider/token-requests.js";
import type { UserInfo } from "../provider/user-info.js";
import { Secret } from "../secret.js";
import type { Handler } from "../session/answer.js";
import type { CurrentLogin } from "../session/current-login.js";
import { readForm } from "../session/form.js";
import type { LoginAttempts } from "../session/login-attempts.js";
import { requireMethod } from "../session/method.js";
import { queryOf } from "../session/query.js";
import type { SignIn } from "../session/sign-in.js";
import type { Transactions } from "../session/transaction.js";

/** The query parameter that names a parked response. */
const PARKED = "parked_response";

const PARKED_NAME = /^[\w-]{43}$/;

/** What is kept of a parked response: anybody may post here, so nothing more. */
const RESPONSE_PARAMETERS = new Set([
  "code",
  "error",
  "error_description",
  "iss",
  "session_state",
  "state",
]);

/** How long a parked response waits for the browser's next request, in seconds. */
const PARKED_SECONDS = 60;

/**
 * Longest response that is parked, in bytes as a form: a code of 4 KB, with
 * room for the rest. Longer ones would not fit into an address either.
 */
const MAX_PARKED = 6 * 1024;

/** How much of an `error_description` is parked, in characters. */
const MAX_DESCRIPTION = 1000;

/** Longest `session_state` that is kept, in characters: a hash and a salt. */
const MAX_SESSION_STATE = 512;

/** Claims about the ID Token and the provider's session; they say nothing about the user. */
const PROTOCOL_CLAIMS = new Set(
  "aud azp exp iat nbf jti nonce sid at_hash c_hash s_hash".split(" "),
);

/** What `callback` works with. */
export interface CallbackDeps {
  readonly config: Config;
  readonly issuer: Issuer;
  readonly transactions: Transactions;
  readonly loginAttempts: LoginAttempts;
  readonly loginStore: LoginStore;
  readonly tokenRequests: TokenRequests;
  readonly userInfo: UserInfo;
  readonly currentLogin: CurrentLogin;
  readonly signIn: SignIn;
  readonly events: LoginKitEmitter;
}

/** Creates the redirect URI's handler, for `query` and `form_post` answers. */
export function createCallback(deps: CallbackDeps): Handler {
  return async function callback(req, res) {
    // Only a provider that was asked to posts its answer.
    const posts = deps.config.responseMode === "form_post";
    requireMethod(req, "GET", ...(posts ? ["POST"] : []));
    res.set({ "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
    let response = new URLSearchParams();
    try {
      if (req.method === "POST") {
        response = onlyKnown(await readForm(req, "ERR_CALLBACK_MALFORMED"));
        await park(response, res, deps);
      } else {
        response = await readResponse(req, deps);
        await complete(req, res, response, deps);
      }
    } catch (error) {
      const { failure, oauthError } = withErrorIn(response, failureOf(error));
      deps.events.emit("login.failed", {
        code: failure.code,
        ...(oauthError !== undefined && { oauthError }),
        diagnosis: oneLine(failure.message),
        address: req.ip,
      });
      throw failure;
    }
  };
}

/** What nobody has foreseen is told and answered like the rest. */
function failureOf(error: unknown): LoginKitError {
  if (error instanceof LoginKitError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new LoginKitError("ERR_SIGN_IN_FAILED", { message, cause: error });
}

/**
 * A form_post answer comes by a cross-site POST, which carries no SameSite=Lax
 * cookie. It waits sealed in the store, once and briefly, until the browser
 * follows a redirect to a GET, which does carry them. What the browser holds
 * meanwhile is a random name, useless without its transaction cookie.
 */
async function park(
  response: URLSearchParams,
  res: Response,
  { config, loginStore }: CallbackDeps,
): Promise<void> {
  readAuthorizationResponse(response);
  const parked = response.toString();
  if (parked.length > MAX_PARKED) {
    throw new LoginKitError("ERR_CALLBACK_MALFORMED", {
      message: "the posted authorization response is longer than 6 KB",
    });
  }
  const name = randomBytes(32).toString("base64url");
  await loginStore.parkResponse(name, new Secret(parked), PARKED_SECONDS);
  res.redirect(303, `${config.paths.callback}?${PARKED}=${name}`);
}

/** Repeated ones stay repeated, so that they are refused. */
function onlyKnown(response: URLSearchParams): URLSearchParams {
  const known = new URLSearchParams();
  for (const [name, value] of response) {
    if (!RESPONSE_PARAMETERS.has(name)) continue;
    const isProse = name === "error_description";
    known.append(name, isProse ? value.slice(0, MAX_DESCRIPTION) : value);
  }
  return known;
}

async function complete(
  req: Request,
  res: Response,
  parameters: URLSearchParams,
  deps: CallbackDeps,
): Promise<void> {
  const { config, issuer, transactions, loginAttempts, currentLogin } = deps;
  const response = readAuthorizationResponse(parameters);
  // Before the transaction is used up: with the provider away, a reload can
  // still succeed when it is back.
  const { metadata } = await issuer();
  const transaction = await transactions.take(req, res, response.state);
  try {
    const before = await currentLogin.find(req, { extend: false });
    if (before !== undefined) loginAttempts.forget(req, res);
    else loginAttempts.count(req, res);
    if (transaction.issuer !== config.issuer) {
      throw new LoginKitError("ERR_ISSUER_MISMATCH", {
        message: "this sign-in was begun with another provider",
      });
    }
    checkResponseIssuer(
      response,
      transaction.issuer,
      metadata.authorization_response_iss_parameter_supported === true,
    );
    if (response.error !== undefined) {
      if (transaction.isSilent && NEEDS_USER.has(response.error)) {
        res.redirect(303, withReason(transaction.returnTo, response.error));
        return;
      }
      throw authorizationError(response);
    }
    await deps.signIn(req, async (giveBack) => {
      const exchange = await deps.tokenRequests.exchangeCode(
        response,
        transaction,
        giveBack,
      );
      const { claims, tokens, origin } = exchange;
      return {
        subject: claims.sub,
        tokens,
        origin,
        endsAt: endClaimOf(exchange, config),
        isStrengthAsked: transaction.acrValues.length > 0,
        identify: () => identify(exchange, response, deps),
      };
    });
  } catch (error) {
    throw withWayBack(error, transaction, config);
  }
  res.redirect(303, transaction.returnTo);
}

/** Answers to `prompt=none` that say no more than that the user has to be asked (Core 3.1.2.6). */
const NEEDS_USER = new Set([
  "account_selection_required",
  "consent_required",
  "interaction_required",
  "login_required",
]);

/** The page that wanted to know whether there is a login, with the answer. */
function withReason(returnTo: string, reason: string): string {
  const url = new URL(returnTo, "http://path.invalid");
  url.searchParams.set("login_error", reason);
  return url.pathname + url.search + url.hash;
}

async function readResponse(
  req: Request,
  { loginStore }: CallbackDeps,
): Promise<URLSearchParams> {
  const query = queryOf(req);
  const parked = query.get(PARKED);
  if (parked === null) return query;
  const response = PARKED_NAME.test(parked)
    ? await loginStore.takeResponse(parked)
    : undefined;
  if (response === undefined) {
    throw new LoginKitError("ERR_TRANSACTION_USED", {
      message: "the parked authorization response was used or has expired",
    });
  }
  return new URLSearchParams(response.reveal());
}

async function identify(
  { claims, tokens }: CodeExchange,
  { parameters }: AuthorizationResponse,
  { userInfo }: CallbackDeps,
): Promise<Identity> {
  bound(claims, "ERR_ID_TOKEN_INVALID", "the ID Token was refused");
  const accessToken = tokens.accessTokens[""]?.value;
  const more =
    accessToken !== undefined && (await userInfo.wanted())
      ? await userInfo.fetch(accessToken, claims.sub)
      : {};
  const { sid, acr, auth_time: authTime } = claims;
  // What the ID Token says is signed: it wins over UserInfo.
  const kept = withoutProtocolClaims({ ...more, ...claims });
  bound(kept, "ERR_USERINFO_INVALID", "the UserInfo response was refused");
  return {
    claims: kept,
    providerSessionId: typeof sid === "string" ? sid : undefined,
    authenticatedAt:
      // Without it nobody knows: a silent sign-on may rest on a login of last week.
      typeof authTime === "number" && authTime > 0
        ? authTime * 1000
        : undefined,
    acr: typeof acr === "string" ? acr : undefined,
    sessionState: sessionStateOf(parameters),
  };
}

function bound(
  claims: Claims,
  code: "ERR_ID_TOKEN_INVALID" | "ERR_USERINFO_INVALID",
  refused: string,
): void {
  const excess = excessOf(claims);
  if (excess === undefined) return;
  throw new LoginKitError(code, { message: `${refused}: ${excess}` });
}

function sessionStateOf(parameters: URLSearchParams): string | undefined {
  const state = parameters.get("session_state") ?? "";
  return state !== "" && state.length <= MAX_SESSION_STATE ? state : undefined;
}

/** The end that the provider wants, if the application asks for it. */
function endClaimOf(
  { claims }: CodeExchange,
  { session: { endClaim } }: Config,
): number | undefined {
  const end = endClaim === undefined ? undefined : claims[endClaim];
  return typeof end === "number" ? end * 1000 : undefined;
}

function withoutProtocolClaims(claims: Claims): Claims {
  return Object.fromEntries(
    Object.entries(claims).filter(([name]) => !PROTOCOL_CLAIMS.has(name)),
  ) as Claims;
}

/** "Sign in again" then leads to where the user wanted to go. */
function withWayBack(
  error: unknown,
  { returnTo }: Transaction,
  { paths }: Config,
): unknown {
  if (!(error instanceof LoginKitError)) return error;
  return new LoginKitError(error.code, {
    message: error.message,
    cause: error.cause,
    oauthError: error.oauthError,
    headers: error.headers,
    loginUrl: `${paths.login}?${new URLSearchParams({ return_to: returnTo }).toString()}`,
  });
}
