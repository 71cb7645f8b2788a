/** Whether a login is as strong as somebody asks. */
import { isAcceptedAcr } from "../base/acr.js";
import type { AuthRule } from "./auth-rule.js";
import type { LiveLogin } from "./current-login.js";

/** Compares `acr`, and the age of the authentication in whole seconds, with what is asked for. */
export function isStrongEnough(
  { record, provider }: LiveLogin,
  { acr, maxAgeSeconds }: Pick<AuthRule, "acr" | "maxAgeSeconds">,
  now: number,
): boolean {
  const { identity } = record;
  const { acrOrder, clockToleranceSeconds } = provider;
  if (acr !== undefined && !isAcceptedAcr(identity.acr, acr, acrOrder)) {
    return false;
  }
  if (maxAgeSeconds === undefined) return true;
  // Unknown is too old. Asked for max_age, a provider has to say (Core 3.1.2.1).
  // By the same measure as in the callback, whole seconds and tolerance: what
  // was good there is good here, or the browser would be sent to the provider
  // again and again.
  const nowSeconds = Math.floor(now / 1000);
  return (
    identity.authenticatedAt !== undefined &&
    nowSeconds - identity.authenticatedAt / 1000 <=
      maxAgeSeconds + clockToleranceSeconds
  );
}
