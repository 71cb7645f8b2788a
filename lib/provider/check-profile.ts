/** What a security profile demands of a provider and of what is sent to it (FAPI 2.0 5.3.2, 5.3.3). */
import { decodeJwt, decodeProtectedHeader } from "jose";
import type { ServerMetadata } from "openid-client";
import { isCertificate } from "../config/client-problems.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { isJarm } from "../config/provider-security-options.js";
import { isAllowed } from "../config/security-profile.js";
import { PROOF_ALGORITHMS } from "./proof-keys.js";
import { proofAlgorithmOf } from "./sender-constraint.js";

/** What the metadata lacks, as lines for people; nothing without a profile. */
export function profileFaults(
  metadata: Readonly<ServerMetadata>,
  { securityProfile, clientAuth, responseMode }: ProviderConfig,
): string[] {
  if (securityProfile === undefined) return [];
  const demands: readonly (readonly [isMet: boolean, demand: string])[] = [
    [
      metadata.pushed_authorization_request_endpoint !== undefined,
      "a pushed_authorization_request_endpoint",
    ],
    [
      metadata.authorization_response_iss_parameter_supported === true ||
        isJarm(responseMode),
      "authorization_response_iss_parameter_supported: true",
    ],
    [
      metadata.code_challenge_methods_supported?.includes("S256") === true,
      "S256 in code_challenge_methods_supported",
    ],
    [
      isCertificate(clientAuth) || proofAlgorithmOf(metadata) !== undefined,
      `${PROOF_ALGORITHMS.join(" or ")} in dpop_signing_alg_values_supported`,
    ],
    [
      !isCertificate(clientAuth) ||
        metadata.tls_client_certificate_bound_access_tokens === true,
      "tls_client_certificate_bound_access_tokens: true",
    ],
  ];
  return demands
    .filter(([isMet]) => !isMet)
    .map(
      ([, demand]) =>
        `securityProfile ${securityProfile} demands ${demand}; turn it on at the provider, or leave the option out`,
    );
}

/**
 * Whether an assertion that is about to be sent is as the profile wants it:
 * whoever made it, and whatever changed it.
 *
 * @throws {Error} that says what is wrong
 */
export function checkAssertion(
  body: URLSearchParams,
  { securityProfile, issuer }: ProviderConfig,
): void {
  const assertion = body.get("client_assertion");
  if (securityProfile === undefined || assertion === null) return;
  if (!isAllowed(decodeProtectedHeader(assertion).alg)) {
    throw new Error(
      "the assertion is signed by an algorithm that securityProfile does not allow",
    );
  }
  // As a text: a list would be good elsewhere too (5.3.3.1-5).
  if (decodeJwt(assertion).aud !== issuer) {
    throw new Error(
      "the assertion has another audience than the issuer, which securityProfile does not allow",
    );
  }
}
