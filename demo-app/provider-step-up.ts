/** The bundled provider's stronger sign-in: asked for by `acr_values`, and only then. */
import type { interactionPolicy } from "oidc-provider";

/** The stronger way to prove who one is: phishing-resistant (OpenID Connect EAP ACR Values 1.0). */
export const STRONG_ACR = "phr";

/** Asks again where an application wants the stronger way, and the user came by the other. */
export function policyWithStepUp({
  base,
  Check,
}: typeof interactionPolicy): interactionPolicy.DefaultPolicy {
  const policy = base();
  policy.get("login")?.checks.add(
    new Check("acr_wanted", "a stronger sign-in is needed", ({ oidc }) => {
      const wanted = oidc.params?.["acr_values"];
      const isWanted =
        typeof wanted === "string" && wanted.split(" ").includes(STRONG_ACR);
      return isWanted && oidc.acr !== STRONG_ACR;
    }),
  );
  return policy;
}
