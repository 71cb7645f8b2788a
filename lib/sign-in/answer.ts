/** An answer of the provider before its turn has come: what it belongs to, and the rest for later. */
import { readAuthorizationResponse } from "../provider/authorization-response.js";
import type { Provider } from "../provider/provider.js";
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
  /** What it says, before anything of it is checked; of what is parked, its name. */
  readonly said: URLSearchParams;
  /** All of it, after its signature where it is signed. */
  readonly take: () => Promise<URLSearchParams>;
}

/**
 * Reads an answer, or the name of one that is parked.
 *
 * @throws {LoginKitError} `ERR_CALLBACK_MALFORMED`
 */
export async function readAnswer(
  query: URLSearchParams,
  loginStore: LoginStore,
  {
    readResponse,
    verifyResponse,
  }: Pick<Provider, "readResponse" | "verifyResponse">,
): Promise<Answer> {
  const parked = parkedResponse(query, loginStore);
  if (parked !== undefined) {
    return {
      stateHash: parked.stateHash,
      isRefusal: false,
      said: query,
      take: async () => verifyResponse(await parked.take()),
    };
  }
  const said = await readResponse(query);
  const { state, error } = readAuthorizationResponse(said);
  return {
    stateHash: hashOfState(state),
    isRefusal: error !== undefined,
    said,
    async take() {
      const response = new URLSearchParams(await verifyResponse(query));
      // Only what is posted has one.
      response.delete(USER_FIELD);
      return response;
    },
  };
}
