/** Whether a provider can be found, and does what the options ask of it. */
import type { ServerMetadata } from "openid-client";
import type { ProviderConfig } from "../../config/config.js";
import {
  createDiscovery,
  type DiscoveredProvider,
} from "../../provider/discovery.js";
import { failureFinding } from "../failure-finding.js";
import type { Finding, Severity } from "../findings.js";
import { checkClient } from "./client.js";

const LINK = "docs/providers.md";

/** Looks at one provider: its metadata, keys and clock, then at how it takes this client. */
export async function checkProvider(
  config: ProviderConfig,
  baseUrls: readonly string[],
): Promise<readonly Finding[]> {
  const subject = `provider ${config.name}`;
  const discover = createDiscovery(config, Date.now);
  let provider: DiscoveredProvider;
  try {
    provider = await discover();
  } catch (error) {
    return [failureFinding(error, { check: "discovery", subject })];
  }
  const { metadata } = provider;
  return [
    {
      check: "discovery",
      subject,
      severity: "ok",
      cause: `${config.issuer} says that this is its issuer`,
    },
    ...algorithms(metadata, config),
    ...features(metadata, config),
    ...(await keys(provider, config)),
    ...(await checkClient(config, discover, baseUrls)),
    // The answers so far have told it.
    ...clock(provider, config),
  ];
}

function algorithms(
  metadata: Readonly<ServerMetadata>,
  config: ProviderConfig,
): Finding[] {
  const { idTokenSigningAlg: wanted } = config;
  const offered = metadata.id_token_signing_alg_values_supported;
  if (offered === undefined) return [];
  const where = { check: "algorithm", subject: `provider ${config.name}` };
  if (offered.includes(wanted)) {
    return [{ ...where, severity: "ok", cause: `ID Tokens by ${wanted}` }];
  }
  return [
    {
      ...where,
      severity: "error",
      cause: `ID Tokens must be signed by ${wanted}, and the provider offers ${offered.join(", ")}`,
      remedy: `Set idTokenSigningAlg to one of these, as the client is registered`,
      link: LINK,
    },
  ];
}

function features(
  metadata: Readonly<ServerMetadata>,
  config: ProviderConfig,
): Finding[] {
  const subject = `provider ${config.name}`;
  const tell = (
    check: string,
    severity: Severity,
    cause: string,
    remedy?: string,
  ): Finding => ({
    ...{ check, subject, severity, cause },
    ...(remedy !== undefined && { remedy, link: LINK }),
  });
  const isPushed = metadata.pushed_authorization_request_endpoint !== undefined;
  const methods = metadata.code_challenge_methods_supported;
  return [
    isPushed
      ? tell("pushed requests", "ok", "offered, and used")
      : tell("pushed requests", "note", "not offered (RFC 9126)"),
    ...(methods !== undefined && !methods.includes("S256")
      ? [
          tell(
            "PKCE",
            "warning",
            `the provider names ${methods.join(", ")} and not S256, which the kit always sends`,
            "Look whether it takes S256 all the same, or switch it on for this client",
          ),
        ]
      : []),
    metadata.authorization_response_iss_parameter_supported === true
      ? tell("issuer in answers", "ok", "promised, and demanded (RFC 9207)")
      : tell(
          "issuer in answers",
          "note",
          "not promised (RFC 9207); with several providers each has a redirect URI of its own",
        ),
    metadata.end_session_endpoint !== undefined
      ? tell("logout", "ok", "users are signed out at the provider too")
      : tell(
          "logout",
          "warning",
          "no end_session_endpoint: after a sign-out the provider signs the user in again without asking",
          "Set endSessionUrl, if it has such an address of its own",
        ),
    metadata.backchannel_logout_supported === true
      ? tell("back-channel logout", "ok", "offered; register the address")
      : tell("back-channel logout", "note", "not offered by its metadata"),
    metadata.revocation_endpoint !== undefined
      ? tell("revocation", "ok", "tokens are revoked at sign-out")
      : tell(
          "revocation",
          "note",
          "no revocation_endpoint: tokens live on until they expire",
        ),
  ];
}

async function keys(
  { keys: published }: DiscoveredProvider,
  config: ProviderConfig,
): Promise<Finding[]> {
  const { idTokenSigningAlg: alg } = config;
  const where = { check: "keys", subject: `provider ${config.name}` };
  // Those of the client secret are not published.
  if (alg.startsWith("HS")) return [];
  try {
    const { keys: found } = await published.candidatesFor({ alg });
    return found.length > 0
      ? [{ ...where, severity: "ok", cause: `there are keys for ${alg}` }]
      : [
          {
            ...where,
            severity: "error",
            cause: `none of the published keys is for ${alg}`,
            remedy:
              "Set idTokenSigningAlg to what the provider signs with, or look why it publishes no such key",
            link: LINK,
          },
        ];
  } catch (error) {
    return [failureFinding(error, { ...where, link: LINK })];
  }
}

function clock(
  { clock: told }: DiscoveredProvider,
  config: ProviderConfig,
): Finding[] {
  const where = { check: "clock", subject: `provider ${config.name}` };
  const seconds = told.aheadSeconds();
  if (seconds === undefined) return [];
  const tolerance = config.clockToleranceSeconds;
  const difference = `the provider's clock is ${String(Math.abs(seconds))} s ${seconds < 0 ? "behind" : "ahead of"} this one`;
  if (Math.abs(seconds) <= Math.max(2, tolerance / 2)) {
    return [{ ...where, severity: "ok", cause: difference }];
  }
  return [
    {
      ...where,
      severity: Math.abs(seconds) > tolerance ? "error" : "warning",
      cause: `${difference}, and clockToleranceSeconds is ${String(tolerance)}`,
      remedy:
        "Set this machine's clock by NTP; if the provider's is wrong, raise clockToleranceSeconds",
      link: "docs/options.md",
    },
  ];
}
