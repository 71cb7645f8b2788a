/** Whether the tokens of a provider are bound to a key of the login (DPoP, RFC 9449), and why. */
import type { ServerMetadata } from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { isCertificate } from "../config/client-problems.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { PROOF_ALGORITHMS, type ProofAlgorithm } from "./proof-keys.js";

/** What was chosen. */
export interface SenderConstraint {
  /** How proofs are signed; undefined: tokens are not bound. */
  readonly algorithm: ProofAlgorithm | undefined;
  /** The reason, for people. */
  readonly why: string;
  /** What would be stronger, and what it needs; undefined: nothing. */
  readonly stronger: string | undefined;
}

/**
 * Chooses from what the provider says of itself.
 *
 * `auto` binds nothing where no resource server is configured: tokens that the
 * kit does not carry itself are put on requests by code that has no proof.
 *
 * @throws {LoginKitError} `ERR_DISCOVERY_INVALID` where the option demands what the provider does not have
 */
export function senderConstraintOf(
  {
    senderConstrained,
    securityProfile,
    resourceServers,
    clientAuth,
  }: Pick<
    ProviderConfig,
    "senderConstrained" | "securityProfile" | "resourceServers" | "clientAuth"
  >,
  metadata: Readonly<ServerMetadata>,
): SenderConstraint {
  const algorithm = proofAlgorithmOf(metadata);
  if (senderConstrained === "never") {
    return {
      algorithm: undefined,
      why: "the option senderConstrained is never",
      stronger:
        algorithm &&
        "senderConstrained: auto binds tokens, and the provider offers it",
    };
  }
  if (algorithm === undefined) {
    if (senderConstrained === "always" && !isCertificate(clientAuth)) {
      throw notOffered(metadata);
    }
    return {
      algorithm,
      why: "the provider offers no DPoP",
      stronger:
        "tokens bound to a key (DPoP) need dpop_signing_alg_values_supported with ES256 in the provider's metadata",
    };
  }
  if (senderConstrained === "always") {
    return {
      algorithm,
      why:
        securityProfile === undefined
          ? "the option senderConstrained is always"
          : `the option securityProfile is ${securityProfile}`,
      stronger: undefined,
    };
  }
  const takesProofs = [...resourceServers.values()].some(
    (server) => server.senderConstrained !== "never",
  );
  return takesProofs
    ? {
        algorithm,
        why: "the provider offers DPoP",
        stronger: "senderConstrained: always takes no token that is not bound",
      }
    : {
        algorithm: undefined,
        why: "no resource server is configured that takes proofs",
        stronger:
          "senderConstrained: always binds tokens all the same, and the provider offers it",
      };
}

/** How proofs for this provider are signed; undefined: it takes none that the kit can make. */
export function proofAlgorithmOf({
  dpop_signing_alg_values_supported: offered,
}: Readonly<ServerMetadata>): ProofAlgorithm | undefined {
  if (!Array.isArray(offered)) return undefined;
  return PROOF_ALGORITHMS.find((algorithm) => offered.includes(algorithm));
}

function notOffered({
  dpop_signing_alg_values_supported: offered,
}: Readonly<ServerMetadata>): LoginKitError {
  return new LoginKitError("ERR_DISCOVERY_INVALID", {
    message: `the option senderConstrained is always, but the provider's metadata has ${offered === undefined ? "no dpop_signing_alg_values_supported" : `none of ${PROOF_ALGORITHMS.join(", ")} in dpop_signing_alg_values_supported`}; set it to auto, or turn DPoP on at the provider`,
  });
}
