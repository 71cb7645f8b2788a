/** Which tokens end with the session at the provider that they belong to. */
import type { Config } from "../config/config.js";
import type { TokenSet } from "../stores/login-store.js";

/** Whether they were granted for as long as the user's session at the provider, and not for offline use (Core 11). */
export function belongToSession(
  { accessTokens }: TokenSet,
  { scope }: Pick<Config, "scope">,
): boolean {
  const granted = accessTokens[""]?.scope ?? scope;
  return !granted.split(" ").includes("offline_access");
}

/** Whether nothing is left of them when that session is over, by the word of `tokensEndWithSession`. */
export function endWithSession(
  tokens: TokenSet,
  config: Pick<Config, "scope" | "tokensEndWithSession">,
): boolean {
  return config.tokensEndWithSession && belongToSession(tokens, config);
}
