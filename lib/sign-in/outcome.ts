/** What came of a sign-in, for the browser that began it and asks again. */
import { LoginKitError, type OAuthErrorResponse } from "../base/errors.js";
import { Secret } from "../base/secret.js";

/** What came of a sign-in: the browser goes on to a page, or it failed. */
export type Outcome =
  | {
      /** A path of this application. */
      readonly location: string;
      /** The session that was made; undefined: nobody was signed in. */
      readonly sessionId: Secret | undefined;
      readonly failure?: undefined;
    }
  | { readonly failure: LoginKitError };

/** An outcome as JSON. */
interface PlainOutcome {
  readonly location?: string;
  readonly sessionId?: string;
  readonly failure?: {
    readonly code: LoginKitError["code"];
    readonly message: string;
    readonly oauthError?: OAuthErrorResponse;
    readonly loginUrl?: string;
    readonly userText?: string;
    readonly headers: Readonly<Record<string, string>>;
  };
}

/** The outcome as text; it opens a session, so it is a secret. */
export function outcomeText(outcome: Outcome): Secret {
  return new Secret(JSON.stringify(plainOutcome(outcome)));
}

function plainOutcome(outcome: Outcome): PlainOutcome {
  if (outcome.failure === undefined) {
    const { location, sessionId } = outcome;
    return {
      location,
      ...(sessionId !== undefined && { sessionId: sessionId.reveal() }),
    };
  }
  const { code, message, oauthError, loginUrl, headers, userText } =
    outcome.failure;
  const details = { code, message, headers };
  return {
    failure: {
      ...details,
      ...(oauthError !== undefined && { oauthError }),
      ...(loginUrl !== undefined && { loginUrl }),
      ...(userText !== undefined && { userText }),
    },
  };
}

/** The other way round. */
export function outcomeOf(text: Secret): Outcome {
  const {
    location = "",
    sessionId,
    failure,
  } = JSON.parse(text.reveal()) as PlainOutcome;
  if (failure !== undefined) {
    return { failure: new LoginKitError(failure.code, failure) };
  }
  return {
    location,
    sessionId: sessionId === undefined ? undefined : new Secret(sessionId),
  };
}
