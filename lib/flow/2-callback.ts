/** Checks the answer, redeems the code, starts the login. */
import type { Request, Response } from "express";
import type { Parts } from "../parts.js";
import { LoginKitError } from "../base/errors.js";
import type { Transaction } from "../stores/login-store.js";
import { oneLine } from "../base/printable.js";
import {
  authorizationError,
  readAuthorizationResponse,
  withErrorIn,
} from "../provider/authorization-response.js";
import type { Provider } from "../provider/provider.js";
import { Secret } from "../base/secret.js";
import type { Handler } from "../http/answer.js";
import { withWayBack } from "../http/login-url.js";
import { requireMethod } from "../http/method.js";
import { resumeSession } from "../express/next-session.js";
import { queryOf } from "../http/query.js";
import { isPosted } from "../config/provider-security-options.js";
import {
  answeringProvider,
  refuseOtherProvider,
} from "../sign-in/answering-provider.js";
import { readAnswer, type Answer } from "../sign-in/answer.js";
import { grantedScope } from "../sign-in/granted-scope.js";
import { endClaimOf, identify } from "../sign-in/identity.js";
import type { Outcome } from "../sign-in/outcome.js";
import {
  parkResponse,
  readPostedResponse,
} from "../sign-in/parked-responses.js";
import { locationAfterSilence } from "../sign-in/silent-sign-in.js";
import { refuseOtherState } from "../sign-in/state.js";
import { witness } from "../telling/witness.js";
import type { FoundTransaction } from "../sign-in/transactions.js";

/** What `callback` works with. */
type CallbackParts = Pick<
  Parts,
  | "config"
  | "transactions"
  | "loginAttempts"
  | "loginStore"
  | "providers"
  | "currentLogin"
  | "signIn"
  | "finishing"
  | "events"
>;

/**
 * Creates the redirect URI's handler, for answers by query and by form.
 *
 * A browser may come more than once: each request gets what came of the first.
 */
export function createCallback(parts: CallbackParts): Handler {
  const { config, providers, loginStore } = parts;
  return async function callback(req, res) {
    const provider = await answeringProvider(req, config, providers);
    // Only a provider that was asked to posts its answer.
    const { responseMode, callbackPath } = provider.config;
    requireMethod(req, "GET", ...(isPosted(responseMode) ? ["POST"] : []));
    res.set({ "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
    let parameters = new URLSearchParams();
    let answer: Answer;
    let found: FoundTransaction;
    try {
      if (req.method === "POST") {
        const posted = await readPostedResponse(req);
        parameters = await provider.readResponse(posted);
        witness()?.answered(parameters);
        await parkResponse(posted, parameters, res, loginStore, callbackPath);
        return;
      }
      parameters = queryOf(req);
      answer = await readAnswer(parameters, loginStore, provider);
      parameters = answer.said;
      witness()?.belongsTo(answer.stateHash);
      // Before the transaction is used up: with the provider away, a reload can
      // still succeed when it is back.
      await provider.ready();
      const { providerTimeoutSeconds } = provider.config;
      found = await parts.transactions.find(
        req,
        res,
        answer.stateHash,
        providerTimeoutSeconds,
      );
    } catch (error) {
      throw failed(req, error, parameters, parts);
    }
    switch (found.kind) {
      case "taken":
        return goOn(req, res, provider, answer, found, parts);
      case "answered":
        return followAgain(req, res, provider, found, parts);
      case "gone":
        return endHere(req, res, { provider, answer }, found, parts);
    }
  };
}

/**
 * Tells of a failure.
 *
 * @param parameters what the provider's answer says, as far as it was read
 */
function failed(
  req: Request,
  error: unknown,
  parameters: URLSearchParams,
  { events }: CallbackParts,
): LoginKitError {
  const { failure, oauthError } = withErrorIn(parameters, failureOf(error));
  events.emit("login.failed", {
    code: failure.code,
    ...(oauthError !== undefined && { oauthError: oauthError.error }),
    ...(oauthError?.description !== undefined && {
      oauthErrorDescription: oauthError.description,
    }),
    diagnosis: oneLine(failure.message),
    address: req.ip,
  });
  return failure;
}

/** This request is the first: it signs the user in. */
async function goOn(
  req: Request,
  res: Response,
  provider: Provider,
  answer: Answer,
  { transaction, keep }: Extract<FoundTransaction, { kind: "taken" }>,
  parts: CallbackParts,
): Promise<void> {
  let parameters = new URLSearchParams();
  let outcome: Outcome;
  try {
    parameters = await answer.take();
    witness()?.answered(parameters);
    witness()?.passed("same_browser", "first_use");
    outcome = await complete(
      { req, res, provider, parameters, transaction },
      parts,
    );
  } catch (error) {
    const failure = failed(req, error, parameters, parts);
    const { returnTo } = transaction;
    outcome = {
      failure: withWayBack(failure, returnTo, provider.config, parts.config),
    };
  }
  // Nobody waits for it: a request that asks again looks more than once.
  parts.finishing
    .finish((persist) => persist(() => keep(outcome)))
    .catch(() => undefined);
  if (outcome.failure !== undefined) throw outcome.failure;
  res.redirect(303, outcome.location);
}

/** What came of no sign-in. */
interface Ending {
  readonly provider: Provider;
  readonly answer: Answer;
}

/** There is no sign-in to go on with. */
async function endHere(
  req: Request,
  res: Response,
  { provider, answer }: Ending,
  {
    failure,
    returnTo,
    isOfAnother,
  }: Extract<FoundTransaction, { kind: "gone" }>,
  parts: CallbackParts,
): Promise<void> {
  const { config } = parts;
  witness()?.answered(answer.said);
  // The back button, a reload, a bookmark: a user who is signed in goes on.
  if (!answer.isRefusal && (await isSignedIn(req, parts))) {
    res.redirect(303, returnTo ?? config.defaultReturnTo);
    return;
  }
  // What belongs to another browser stays for it.
  const told = isOfAnother
    ? answer.said
    : await answer.take().catch(() => answer.said);
  witness()?.failed(
    failure.code === "ERR_TRANSACTION_USED" ? "first_use" : "same_browser",
  );
  throw withWayBack(
    failed(req, failure, told, parts),
    returnTo,
    provider.config,
    config,
  );
}

/** What nobody has foreseen is told and answered like the rest. */
function failureOf(error: unknown): LoginKitError {
  if (error instanceof LoginKitError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new LoginKitError("ERR_SIGN_IN_FAILED", { message, cause: error });
}

/** An answer, and the sign-in that it came to. */
interface Completing {
  readonly req: Request;
  readonly res: Response;
  /** Whose redirect URI it came to. */
  readonly provider: Provider;
  readonly parameters: URLSearchParams;
  readonly transaction: Transaction;
}

async function complete(
  { req, res, provider, parameters, transaction }: Completing,
  parts: CallbackParts,
): Promise<Outcome> {
  const { config, loginAttempts, currentLogin } = parts;
  const { returnTo } = transaction;
  const response = readAuthorizationResponse(parameters);
  refuseOtherState(transaction, response.state);
  refuseOtherProvider(req, provider, transaction, config);
  const before = await currentLogin.find(req, { extend: false });
  if (before === undefined) loginAttempts.count(req, res);
  else loginAttempts.forget(req.headers.cookie, res);
  await provider.checkResponse(response);
  if (response.error !== undefined) {
    const location = locationAfterSilence(transaction, response.error);
    if (location !== undefined) return { location, sessionId: undefined };
    throw authorizationError(response);
  }
  await parts.signIn(req, provider.config, async (giveBack) => {
    const redeemed = await provider.redeemCode(response, transaction, giveBack);
    const { claims, tokens, origin } = redeemed;
    return {
      issuer: claims.iss,
      subject: claims.sub,
      tokens,
      origin,
      endsAt: endClaimOf(redeemed, config),
      isStrengthAsked: transaction.acrValues.length > 0,
      kept: {
        ...grantedScope(transaction, redeemed, provider.config),
        authorizationDetails: redeemed.authorizationDetails,
        state: transaction.applicationState,
      },
      identify: () =>
        identify(
          provider.config.name,
          redeemed,
          response.parameters,
          provider.userInfo,
        ),
    };
  });
  return { location: returnTo, sessionId: new Secret(req.sessionID) };
}

/**
 * The same outcome again. The browser may not have got the first answer, and
 * with it the session cookie: then it gets it now, if the login still lives.
 */
async function followAgain(
  req: Request,
  res: Response,
  provider: Provider,
  { outcome, returnTo }: Extract<FoundTransaction, { kind: "answered" }>,
  parts: CallbackParts,
): Promise<void> {
  if (outcome.failure !== undefined) throw outcome.failure;
  const { location, sessionId } = outcome;
  const isHere =
    sessionId === undefined ||
    (await isSignedIn(req, parts)) ||
    ((await resumeSession(req, sessionId.reveal())) &&
      (await isSignedIn(req, parts)));
  if (!isHere) {
    const failure = new LoginKitError("ERR_TRANSACTION_USED", {
      message: "this login was answered before, and has ended since",
    });
    throw withWayBack(failure, returnTo, provider.config, parts.config);
  }
  res.redirect(303, location);
}

async function isSignedIn(
  req: Request,
  { currentLogin }: CallbackParts,
): Promise<boolean> {
  return (await currentLogin.find(req, { extend: false })) !== undefined;
}
