/** LinkedIn, for which there can be no recipe. */
import { ConfigError } from "../base/errors.js";

/**
 * Throws always: LinkedIn puts no `nonce` into its ID Tokens, and refuses the
 * `code_verifier` of PKCE. Without them a stolen code can be put into another
 * sign-in (RFC 9700 4.5.3), so the kit does without neither.
 *
 * @throws {LoginKitError} `ERR_CONFIG`, whatever the parameters
 * @see docs/providers/linkedIn.md
 */
export function linkedIn(_parameters?: unknown): never {
  throw new ConfigError(
    [
      "LinkedIn cannot be used: its ID Tokens have no nonce, and it refuses the code_verifier of PKCE; put a provider between that signs users in with LinkedIn",
    ],
    "linkedIn",
  );
}
