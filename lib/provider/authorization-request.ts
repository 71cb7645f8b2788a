/** The Authentication Request: PKCE, state, nonce, resource, and PAR where the provider wants it. */
import { hash } from "node:crypto";
import * as client from "openid-client";
import { isAcceptedAcr } from "../base/acr.js";
import { LoginKitError } from "../base/errors.js";
import type { Transaction } from "../stores/login-store.js";
import { Secret } from "../base/secret.js";
import type { Discover, DiscoveredProvider } from "./discovery.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { explaining } from "./explain.js";
import { newProofKey, thumbprintOf } from "./proof-keys.js";
import type { ProofOption } from "./proofs.js";
import { providerError } from "./provider-errors.js";
import { BESIDE_REQUEST, signedWhereWanted } from "./request-object.js";

/** What a login asks of the provider beyond the configured. */
export interface LoginRequest {
  /** The origin that the browser came to, and comes back to. */
  readonly baseUrl: string;
  readonly returnTo: string;
  readonly acrValues: readonly string[];
  /** What is accepted beside them. */
  readonly otherAcr: readonly string[];
  readonly maxAgeSeconds: number | undefined;
  /** Scope values beside the configured. */
  readonly moreScope?: readonly string[];
  /** Comes back with the login. */
  readonly applicationState?: Readonly<Record<string, unknown>> | undefined;
  /** Parameters passed on from the login address. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Whether the user must not be asked, whatever is configured. Default false. */
  readonly isSilent?: boolean;
  /** False: not pushed, although that would be possible. Default: as configured. */
  readonly isPushed?: boolean | undefined;
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

/** Makes the address of a request that is never sent: nothing is pushed, and nobody keeps its `state`. */
export type PreviewAuthorizationRequest = (
  request: LoginRequest,
) => Promise<URL>;

/** Authorization requests of one provider; all reject as {@link Discover} does. */
export interface AuthorizationRequests {
  readonly prepare: PrepareAuthorizationRequest;
  readonly preview: PreviewAuthorizationRequest;
}

/** Creates the functions behind `login`. */
export function createAuthorizationRequests(
  config: ProviderConfig,
  discover: Discover,
): AuthorizationRequests {
  const write = createWriter(config);

  return {
    async prepare(request) {
      const provider = await discover();
      const { configuration, metadata, proofs } = provider;
      const { parameters, transaction } = await write(request, provider);
      const sent = await signedWhereWanted(parameters, config, metadata);
      const url = isPushed(metadata, config, request.isPushed)
        ? await explaining(
            provider,
            config,
            pushedUrl(
              configuration,
              sent,
              await proofs.by(configuration, transaction.proofKey),
            ),
          )
        : addressOf(configuration, sent);
      return { url, transaction };
    },
    async preview(request) {
      const provider = await discover();
      const { parameters } = await write(request, provider);
      return addressOf(
        provider.configuration,
        await signedWhereWanted(parameters, config, provider.metadata),
      );
    },
  };
}

/** Writes a request down: what is sent, and what is kept. */
type WriteRequest = (
  request: LoginRequest,
  provider: Pick<DiscoveredProvider, "senderConstraint">,
) => Promise<{
  readonly parameters: URLSearchParams;
  readonly transaction: Transaction;
}>;

function createWriter(config: ProviderConfig): WriteRequest {
  const resources = [...config.resourceServers.values()].flatMap(
    ({ resource }) => resource ?? [],
  );
  const {
    acr_values: fixedAcr,
    max_age: fixedMaxAge,
    ...fixed
  } = config.authorizationParameters;

  return async function write(request, { senderConstraint: { algorithm } }) {
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
    const scope = [
      ...new Set([...config.scope.split(" "), ...(request.moreScope ?? [])]),
    ].join(" ");
    const state = client.randomState();
    const nonce = client.randomNonce();
    const codeVerifier = client.randomPKCECodeVerifier();
    const proofKey =
      algorithm === undefined ? undefined : await newProofKey(algorithm);
    const parameters = new URLSearchParams({
      ...request.parameters,
      ...fixed,
      ...(request.isSilent && { prompt: "none" }),
      ...(acrValues.length > 0 && { acr_values: acrValues.join(" ") }),
      ...(maxAgeSeconds !== undefined && { max_age: String(maxAgeSeconds) }),
      ...(config.responseMode !== "query" && {
        response_mode: config.responseMode,
      }),
      redirect_uri: request.baseUrl + config.callbackPath,
      scope,
      state,
      nonce,
      // Always, whatever the metadata says about PKCE: providers that do not
      // know it ignore it (RFC 9700 2.1.1).
      // RFC 7636 4.2. openid-client's own goes through another thread, which
      // costs more than the rest of the request.
      code_challenge: hash("sha256", codeVerifier, "base64url"),
      code_challenge_method: "S256",
      // Whoever has the code needs the key as well (RFC 9449 10).
      ...(proofKey && { dpop_jkt: await thumbprintOf(proofKey) }),
    });
    for (const resource of resources) parameters.append("resource", resource);

    return {
      parameters,
      transaction: {
        provider: config.name,
        issuer: config.issuer,
        baseUrl: request.baseUrl,
        state: new Secret(state),
        codeVerifier: new Secret(codeVerifier),
        nonce: new Secret(nonce),
        ...(proofKey && { proofKey }),
        returnTo: request.returnTo,
        acrValues: accepted,
        maxAgeSeconds,
        isSilent: parameters.get("prompt") === "none",
        scope,
        ...(request.applicationState && {
          applicationState: request.applicationState,
        }),
      },
    };
  };
}

function addressOf(
  configuration: client.Configuration,
  parameters: URLSearchParams,
): URL {
  const url = client.buildAuthorizationUrl(configuration, parameters);
  if (!parameters.has("request")) return url;
  for (const [name, value] of Object.entries(BESIDE_REQUEST)) {
    url.searchParams.set(name, value);
  }
  return url;
}

async function pushedUrl(
  configuration: client.Configuration,
  parameters: URLSearchParams,
  proof: ProofOption,
): Promise<URL> {
  try {
    return await client.buildAuthorizationUrlWithPAR(
      configuration,
      parameters,
      proof,
    );
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
  isWanted = true,
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
  if (!isWanted && pushedAuthorizationRequests === "auto" && !isRequired) {
    return false;
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
