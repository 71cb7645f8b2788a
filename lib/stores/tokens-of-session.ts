/** Which tokens were granted for the user's session at the provider alone. */
import type { TokenSet } from "./login-store.js";

/**
 * Whether they were, and so not for offline use (Core 11).
 *
 * @param tokens undefined: nobody here opens them
 * @param asked the scope of the authorization request, which was granted where the provider names none (RFC 6749 5.1)
 */
export function belongToSession(
  tokens: TokenSet | undefined,
  asked: string,
): boolean {
  const granted = tokens?.accessTokens[""]?.scope ?? asked;
  return !granted.split(" ").includes("offline_access");
}
