/** The Authentication Request: PKCE, state, nonce, resource, and PAR where the provider wants it. */
import * as client from "openid-client";
import { isAcceptedAcr } from "../base/acr.js";
import { LoginKitError } from "../base/errors.js";
import type { Transaction } from "../stores/login-store.js";
import { Secret } from "../base/secret.js";
import type { Discover } from "./discovery.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { explaining } from "./explain.js";
import { providerError } from "./provider-errors.js";

/** What a login asks of the provider beyond the configured. */
export interface LoginRequest {
  /** The origin that the browser came to, and comes back to. */
  readonly baseUrl: string;
  readonly returnTo: string;
  readonly acrValues: readonly string[];
  /** What is accepted beside them. */
  readonly otherAcr: readonly string[];
  readonly maxAgeSeconds: number | undefined;
  /** Parameters passed on from the login address. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** An authorization request that is ready to be sent. */
export interface PreparedRequest {
  readonly url: URL;
  readonly transaction: Transaction;
}

/** Prepares authorization requests (Core 3.1.2.1, RFC 7636, RFC 8707, RFC 9126). */
export type PrepareAuthorizationRequest = (
  request: LoginRequest,
) => Promise<PreparedRequest>;

/** Creates the function behind `login`; it rejects as {@link Discover} does. */
export function createAuthorizationRequests(
  config: ProviderConfig,
  discover: Discover,
): PrepareAuthorizationRequest {
  const resources = [...config.resourceServers.values()].flatMap(
    ({ resource }) => resource ?? [],
  );
  const {
    acr_values: fixedAcr,
    max_age: fixedMaxAge,
    ...fixed
  } = config.authorizationParameters;

  return async function prepareAuthorizationRequest(request) {
    const provider = await discover();
    const { configuration, metadata } = provider;
    // What is asked for is also enforced, so it is part of the transaction.
    const fixedValues = fixedAcr?.split(" ") ?? [];
    const acrValues =
      request.acrValues.length === 0 ? fixedValues : request.acrValues;
    // Without values that are asked for there is nothing to accept beside them.
    const otherAcr = request.acrValues.length === 0 ? [] : request.otherAcr;
    const accepted = [...acrValues, ...otherAcr];
    refuseOthers(accepted, fixedValues, config);
    const maxAgeSeconds = smaller(
      request.maxAgeSeconds,
      fixedMaxAge === undefined ? undefined : Number(fixedMaxAge),
    );
    const state = client.randomState();
    const nonce = client.randomNonce();
    const codeVerifier = client.randomPKCECodeVerifier();
    const parameters = new URLSearchParams({
      ...request.parameters,
      ...fixed,
      ...(acrValues.length > 0 && { acr_values: acrValues.join(" ") }),
      ...(maxAgeSeconds !== undefined && { max_age: String(maxAgeSeconds) }),
      ...(config.responseMode !== "query" && {
        response_mode: config.responseMode,
      }),
      redirect_uri: request.baseUrl + config.callbackPath,
      scope: config.scope,
      state,
      nonce,
      // Always, whatever the metadata says about PKCE: providers that do not
      // know it ignore it (RFC 9700 2.1.1).
      code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: "S256",
    });
    for (const resource of resources) parameters.append("resource", resource);

    const url = isPushed(metadata, config)
      ? await explaining(provider, config, pushedUrl(configuration, parameters))
      : client.buildAuthorizationUrl(configuration, parameters);
    return {
      url,
      transaction: {
        provider: config.name,
        issuer: config.issuer,
        baseUrl: request.baseUrl,
        state: new Secret(state),
        codeVerifier: new Secret(codeVerifier),
        nonce: new Secret(nonce),
        returnTo: request.returnTo,
        acrValues: accepted,
        maxAgeSeconds,
        isSilent: parameters.get("prompt") === "none",
      },
    };
  };
}

async function pushedUrl(
  configuration: client.Configuration,
  parameters: URLSearchParams,
): Promise<URL> {
  try {
    return await client.buildAuthorizationUrlWithPAR(configuration, parameters);
  } catch (error) {
    throw providerError(
      error,
      {
        unwell: "ERR_PROVIDER_UNAVAILABLE",
        refused: "ERR_AUTHORIZATION_FAILED",
        invalid: "ERR_AUTHORIZATION_FAILED",
      },
      "the pushed authorization request failed",
    );
  }
}

/** Whether the request is pushed (RFC 9126 5). */
function isPushed(
  metadata: Readonly<client.ServerMetadata>,
  { pushedAuthorizationRequests }: ProviderConfig,
): boolean {
  const isRequired = metadata.require_pushed_authorization_requests === true;
  const isOffered =
    metadata.pushed_authorization_request_endpoint !== undefined;
  if (pushedAuthorizationRequests === "never" && isRequired) {
    throw new LoginKitError("ERR_DISCOVERY_INVALID", {
      message:
        "the provider requires pushed authorization requests, and the option pushedAuthorizationRequests forbids them; set it to auto",
    });
  }
  if (pushedAuthorizationRequests === "always" && !isOffered) {
    throw new LoginKitError("ERR_DISCOVERY_INVALID", {
      message:
        "the option pushedAuthorizationRequests demands them, but the provider's metadata has no pushed_authorization_request_endpoint",
    });
  }
  return pushedAuthorizationRequests !== "never" && (isOffered || isRequired);
}

/** The browser has a choice within what the configuration allows: nothing weaker. */
function refuseOthers(
  accepted: readonly string[],
  fixed: readonly string[],
  { acrOrder }: ProviderConfig,
): void {
  if (fixed.length === 0) return;
  if (accepted.every((acr) => isAcceptedAcr(acr, fixed, acrOrder))) return;
  throw new LoginKitError("ERR_LOGIN_PARAMETER_INVALID", {
    message:
      "acr_values or acr names a value that authorizationParameters.acr_values does not have, nor a weaker one of the option acrOrder",
  });
}

function smaller(
  one: number | undefined,
  other: number | undefined,
): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
