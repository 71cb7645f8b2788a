/** Answers of the provider that come by form_post: they wait until the browser brings its cookies. */
import { randomBytes } from "node:crypto";
import type { Request, Response } from "express";
import { LoginKitError } from "../base/errors.js";
import type { LoginStore } from "../stores/login-store.js";
import { readAuthorizationResponse } from "../provider/authorization-response.js";
import { Secret } from "../base/secret.js";
import { readForm } from "../http/form.js";
import { hashOfState } from "./state.js";
import { unverifiedUser, USER_FIELD } from "./unverified-user.js";

/** The query parameter that names a parked response. */
const PARKED = "parked_response";

/** The query parameter that says what it belongs to; the `state` itself is in no address of ours. */
const STATE_HASH = "state_hash";

/** Both are 32 bytes in base64url. */
const NAME = /^[\w-]{43}$/;

/** What is kept of a parked response. Any site may post here, so nothing else is. */
const RESPONSE_PARAMETERS = new Set([
  "code",
  "error",
  "error_description",
  "iss",
  "response",
  "session_state",
  "state",
  USER_FIELD,
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

/** A response that was parked: what it belongs to, and the rest when its turn has come. */
export interface ParkedResponse {
  readonly stateHash: string;
  /** @throws {LoginKitError} `ERR_TRANSACTION_USED`, `ERR_CALLBACK_MALFORMED` */
  readonly take: () => Promise<URLSearchParams>;
}

/**
 * What was posted, without what no answer has.
 *
 * @throws {LoginKitError} `ERR_CALLBACK_MALFORMED`
 */
export async function readPostedResponse(
  req: Request,
): Promise<URLSearchParams> {
  return onlyKnown(await readForm(req, "ERR_CALLBACK_MALFORMED"));
}

/**
 * A form_post answer comes by a cross-site POST, which carries no SameSite=Lax
 * cookie. It waits sealed in the store, once and briefly, until the browser
 * follows a redirect to a GET, which does carry them. What the browser holds
 * meanwhile is a random name, useless without its transaction cookie.
 *
 * @param said what the response says, which may be within a JWT
 * @param callback the path that the browser is redirected to
 */
export async function parkResponse(
  response: URLSearchParams,
  said: URLSearchParams,
  res: Response,
  loginStore: LoginStore,
  callback: string,
): Promise<void> {
  const { state } = readAuthorizationResponse(said);
  const kept = new URLSearchParams(response);
  // Of a signed one it is in the JWT, which is read once more.
  kept.set("state", state);
  const parked = kept.toString();
  if (parked.length > MAX_PARKED) {
    throw new LoginKitError("ERR_CALLBACK_MALFORMED", {
      message: "the posted authorization response is longer than 6 KB",
    });
  }
  const name = randomBytes(32).toString("base64url");
  await loginStore.parkResponse(name, new Secret(parked), PARKED_SECONDS);
  const query = new URLSearchParams({
    [PARKED]: name,
    [STATE_HASH]: hashOfState(state),
  });
  res.redirect(303, `${callback}?${query.toString()}`);
}

/** Repeated ones stay repeated, so that they are refused. */
function onlyKnown(response: URLSearchParams): URLSearchParams {
  const known = new URLSearchParams();
  for (const [name, value] of response) {
    if (!RESPONSE_PARAMETERS.has(name)) continue;
    if (name === USER_FIELD && unverifiedUser(value) === undefined) continue;
    const isProse = name === "error_description";
    known.append(name, isProse ? value.slice(0, MAX_DESCRIPTION) : value);
  }
  return known;
}

/** The parked response that a query names; undefined: it names none. */
export function parkedResponse(
  query: URLSearchParams,
  loginStore: LoginStore,
): ParkedResponse | undefined {
  const [name, ...names] = query.getAll(PARKED);
  if (name === undefined) return undefined;
  const [stateHash = "", ...hashes] = query.getAll(STATE_HASH);
  if (names.length + hashes.length > 0 || !NAME.test(stateHash)) {
    throw new LoginKitError("ERR_CALLBACK_MALFORMED", {
      message: `authorization response: ${PARKED} and ${STATE_HASH} come together, each once`,
    });
  }
  return {
    stateHash,
    async take() {
      const response = NAME.test(name)
        ? await loginStore.takeResponse(name)
        : undefined;
      if (response === undefined) {
        throw new LoginKitError("ERR_TRANSACTION_USED", {
          message: "the parked authorization response was used or has expired",
        });
      }
      const parameters = new URLSearchParams(response.reveal());
      // One answer cannot be put in the place of another.
      if (hashOfState(parameters.get("state") ?? "") !== stateHash) {
        throw new LoginKitError("ERR_CALLBACK_MALFORMED", {
          message: `the parked authorization response is of another sign-in than ${STATE_HASH}`,
        });
      }
      return parameters;
    },
  };
}
