/** An answer of the provider before its turn has come: what it belongs to, and the rest for later. */
import { readAuthorizationResponse } from "../provider/authorization-response.js";
import type { LoginStore } from "../stores/login-store.js";
import { parkedResponse } from "./parked-responses.js";
import { hashOfState } from "./state.js";
import { USER_FIELD } from "./unverified-user.js";

/** An answer of the provider, as far as it is read before its turn has come. */
export interface Answer {
  /** What it belongs to. */
  readonly stateHash: string;
  /** Whether the provider refused; what is parked is not opened for it. */
  readonly isRefusal: boolean;
  /** All of it. */
  readonly take: () => Promise<URLSearchParams>;
}

/**
 * Reads an answer, or the name of one that is parked.
 *
 * @throws {LoginKitError} `ERR_CALLBACK_MALFORMED`
 */
export function readAnswer(
  query: URLSearchParams,
  loginStore: LoginStore,
): Answer {
  const parked = parkedResponse(query, loginStore);
  if (parked !== undefined) return { ...parked, isRefusal: false };
  const { state, error } = readAuthorizationResponse(query);
  return {
    stateHash: hashOfState(state),
    isRefusal: error !== undefined,
    take() {
      const response = new URLSearchParams(query);
      // Only what is posted has one.
      response.delete(USER_FIELD);
      return Promise.resolve(response);
    },
  };
}
