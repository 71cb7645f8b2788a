/** What came of a sign-in, for the browser that began it and asks again. */
import { LoginKitError, type OAuthErrorResponse } from "../base/errors.js";
import { Secret } from "../base/secret.js";
import { createSealedBox } from "../stores/sealed-box.js";

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
  /** Sealed once more, in base64url: the store and the secrets of the server do not tell it. */
  readonly sealedSessionId?: string;
  readonly failure?: {
    readonly code: LoginKitError["code"];
    readonly message: string;
    readonly oauthError?: OAuthErrorResponse;
    readonly loginUrl?: string;
    readonly userText?: string;
    readonly headers: Readonly<Record<string, string>>;
  };
}

/** Where the session id of an outcome is kept. */
const PLACE = "session id of an outcome";

/**
 * The outcome as text.
 *
 * @param cookie what only the browser that began the sign-in holds: the session id opens with it alone
 */
export function outcomeText(outcome: Outcome, cookie: Secret): Secret {
  return new Secret(JSON.stringify(plainOutcome(outcome, cookie)));
}

function plainOutcome(outcome: Outcome, cookie: Secret): PlainOutcome {
  if (outcome.failure === undefined) {
    const { location, sessionId } = outcome;
    return {
      location,
      ...(sessionId !== undefined && {
        sealedSessionId: createSealedBox([cookie.reveal()])
          .seal(sessionId.reveal(), PLACE)
          .toString("base64url"),
      }),
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
export function outcomeOf(text: Secret, cookie: Secret): Outcome {
  const {
    location = "",
    sealedSessionId,
    failure,
  } = JSON.parse(text.reveal()) as PlainOutcome;
  if (failure !== undefined) {
    return { failure: new LoginKitError(failure.code, failure) };
  }
  const sessionId =
    sealedSessionId &&
    createSealedBox([cookie.reveal()]).open(
      Buffer.from(sealedSessionId, "base64url"),
      PLACE,
    );
  return { location, sessionId: sessionId ? new Secret(sessionId) : undefined };
}
