/** Adds to a failure what the provider itself shows about its cause, for developers. */
import { LoginKitError } from "../base/errors.js";
import { clientAuthFacts } from "../config/client-auth-facts.js";
import type { DiscoveredProvider } from "./discovery.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { printable } from "../base/printable.js";

/** Clocks that differ by less are no explanation, in seconds. `Date` has no fractions. */
const NOTICEABLE = 2;

/** What claims about time are called, in words of ours and of openid-client. */
const REFUSES_TOKEN = /\bstatus 40[13]\b/;

const ABOUT_TIME = /\b(?:iat|exp|nbf|auth_time)\b|in the future|expired/;

/** What algorithms are called, in words of ours and of openid-client. */
const ABOUT_ALGORITHM = /"alg"|another algorithm/;

/** Explains a failure of a request, see {@link explained}. */
export async function explaining<Result>(
  provider: DiscoveredProvider,
  config: ProviderConfig,
  result: Promise<Result>,
): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof LoginKitError)) throw error;
    throw explained(error, provider, config);
  }
}

/** The error with the measured difference of the clocks, with the algorithms that were expected and offered, or with how the provider lets clients prove themselves. */
function explained(
  error: LoginKitError,
  { clock, metadata }: DiscoveredProvider,
  config: ProviderConfig,
): LoginKitError {
  const aboutAlgorithm = ABOUT_ALGORITHM.test(error.message);
  const more =
    error.code === "ERR_CLIENT_AUTHENTICATION"
      ? authenticationHint(metadata, config)
      : error.code === "ERR_ID_TOKEN_INVALID" && aboutAlgorithm
        ? algorithmHint(
            "idTokenSigningAlg",
            config.idTokenSigningAlg,
            metadata.id_token_signing_alg_values_supported,
          )
        : error.code === "ERR_USERINFO_INVALID" && aboutAlgorithm
          ? algorithmHint(
              "userInfoSigningAlg",
              config.userInfoSigningAlg ?? "not set",
              metadata.userinfo_signing_alg_values_supported,
            )
          : error.code === "ERR_USERINFO_INVALID" &&
              REFUSES_TOKEN.test(error.message)
            ? "the provider refuses this access token there: where it is made for an API alone, set userInfo to false, and claims come from the ID Token"
            : error.code === "ERR_ID_TOKEN_INVALID" &&
                ABOUT_TIME.test(error.message)
              ? clockHint(clock.aheadSeconds())
              : undefined;
  if (more === undefined) return error;
  return error.with({ message: `${error.message}; ${more}` });
}

function algorithmHint(
  option: string,
  own: string,
  offered: readonly string[] | undefined,
): string {
  const metadata =
    offered === undefined
      ? "names no algorithms"
      : `names ${printable(offered.join(", "))}`;
  return `the option ${option} is ${own}, the provider's metadata ${metadata}; set ${option} to what this client is registered with`;
}

function clockHint(ahead: number | undefined): string | undefined {
  if (ahead === undefined) return undefined;
  const size = String(Math.abs(ahead));
  return Math.abs(ahead) < NOTICEABLE
    ? "the clocks agree, as far as the provider's Date header tells"
    : `the provider's clock is ${size} seconds ${ahead > 0 ? "ahead of" : "behind"} ours, as its Date header tells: set both by NTP, or raise clockToleranceSeconds`;
}

function authenticationHint(
  {
    token_endpoint_auth_methods_supported: methods,
    token_endpoint: tokenEndpoint = "",
  }: DiscoveredProvider["metadata"],
  { clientAuth, issuer }: ProviderConfig,
): string {
  // Discovery 3: client_secret_basic if the metadata does not say.
  const offered = printable((methods ?? ["client_secret_basic"]).join(", "));
  const takes = `and the provider takes ${offered}`;
  const assertion = clientAuthFacts(clientAuth);
  if (assertion === undefined || assertion.method === "none") {
    const own = typeof clientAuth === "string" ? clientAuth : "a function";
    return `clientAuth is ${own}, ${takes}; compare both with what it has registered for this client, and the client secret`;
  }
  const { maker, audience = issuer } = assertion;
  const wanted = printable(audience === issuer ? tokenEndpoint : issuer);
  return `clientAuth is ${maker} with the audience ${printable(audience)}, ${takes}; compare both, and the key, with what it has registered for this client. Where it wants another audience, name it: ${maker.replace(")", `, { audience: "${wanted}" })`)}`;
}
