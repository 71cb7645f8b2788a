/** Finds a provider's metadata and keys: when first needed, shared, retried, refreshed. */
import type { ServerMetadata } from "openid-client";
import {
  createClientConfigurations,
  REFRESH_TIMEOUT_SECONDS,
  type ClientConfigurations,
  type ProviderFetches,
} from "./client-configurations.js";
import type { ProviderContact } from "./contact.js";
import { fetchMetadata } from "./fetch-metadata.js";
import { sendingInside } from "./internal-origin.js";
import { createLimitedFetch, type LimitedFetch } from "./limited-fetch.js";
import { measuredFetch } from "./measured-fetch.js";
import { createProviderClock, type ProviderClock } from "./provider-clock.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { createProviderProofs, type ProviderProofs } from "./proofs.js";
import {
  senderConstraintOf,
  type SenderConstraint,
} from "./sender-constraint.js";
import { createProviderKeys, type ProviderKeys } from "./provider-keys.js";
import type { Telemetry } from "../telling/telemetry.js";

/** Metadata older than this is fetched anew. The old one serves meanwhile. */
const REFRESH_AFTER_MS = 60 * 60 * 1000;

/** How long nobody asks again after a failed discovery. */
const RETRY_AFTER_MS = 1000;

/** A provider that was found, ready for requests. */
export interface DiscoveredProvider extends ClientConfigurations {
  readonly metadata: Readonly<ServerMetadata>;
  readonly keys: ProviderKeys;
  readonly clock: ProviderClock;
  readonly proofs: ProviderProofs;
  readonly senderConstraint: SenderConstraint;
  /** Asks for the metadata once more, and uses none of it. */
  readonly probe: () => Promise<unknown>;
}

/** What a discovery may be given beside the provider's configuration. */
export interface DiscoveryOptions {
  /** Ends every request to the provider. */
  readonly stop?: AbortSignal | undefined;
  readonly telemetry?: Telemetry | undefined;
  /** Notes what comes of requests. */
  readonly contact?: ProviderContact;
  /** Is told each time that the provider was found. */
  readonly onFound?: ((provider: DiscoveredProvider) => void) | undefined;
}

/** Gives the provider, discovering it first if need be. */
export type Discover = () => Promise<DiscoveredProvider>;

/**
 * Creates the discovery. Nothing is fetched before the first call, so the
 * application starts whether or not its provider is up.
 *
 * The returned function rejects with `ERR_PROVIDER_UNAVAILABLE` or
 * `ERR_DISCOVERY_INVALID`.
 */
export function createDiscovery(
  config: ProviderConfig,
  now: () => number,
  options: DiscoveryOptions = {},
): Discover {
  const clock = createProviderClock(now);
  const proofs = createProviderProofs();
  const fetches = createFetches(config, clock, proofs, options);
  let known: { provider: DiscoveredProvider; at: number } | undefined;
  let discovering: Promise<DiscoveredProvider> | undefined;
  let failure: { error: unknown; at: number } | undefined;

  const discoverNow = (): Promise<DiscoveredProvider> => {
    discovering ??= discoverProvider(config, fetches, { clock, proofs }, now)
      .then((provider) => {
        known = { provider, at: now() };
        failure = undefined;
        options.onFound?.(provider);
        return provider;
      })
      .catch((error: unknown) => {
        failure = { error, at: now() };
        throw error;
      })
      .finally(() => {
        discovering = undefined;
      });
    return discovering;
  };
  const mayAsk = (): boolean =>
    failure === undefined || now() - failure.at >= RETRY_AFTER_MS;

  return async function discover() {
    if (known === undefined) {
      if (failure !== undefined && !mayAsk()) throw failure.error;
      return discoverNow();
    }
    if (now() - known.at >= REFRESH_AFTER_MS && mayAsk()) {
      // The last good metadata serves; a failure is retried at a later request.
      discoverNow().catch(() => undefined);
    }
    return known.provider;
  };
}

function createFetches(
  config: ProviderConfig,
  clock: ProviderClock,
  proofs: ProviderProofs,
  { stop, telemetry, contact }: DiscoveryOptions,
): ProviderFetches {
  const { providerTimeoutSeconds, fetch } = config;
  const measured = (seconds: number, only?: "json"): LimitedFetch =>
    measuredFetch(
      createLimitedFetch(seconds, {
        clock,
        fetch,
        stop,
        ...(only && { only }),
      }),
      config.name,
      telemetry,
    );
  const noted = contact?.noting ?? ((unnoted: LimitedFetch) => unnoted);
  const fetchWithin = (seconds: number, only?: "json"): LimitedFetch =>
    proofs.noting(sendingInside(noted(measured(seconds, only)), config));
  return {
    usual: fetchWithin(providerTimeoutSeconds),
    json: fetchWithin(providerTimeoutSeconds, "json"),
    patient: fetchWithin(REFRESH_TIMEOUT_SECONDS),
  };
}

async function discoverProvider(
  config: ProviderConfig,
  fetches: ProviderFetches,
  lasting: Pick<DiscoveredProvider, "clock" | "proofs">,
  now: () => number,
): Promise<DiscoveredProvider> {
  const metadata = await fetchMetadata(config, fetches.json);
  return {
    ...lasting,
    senderConstraint: senderConstraintOf(config, metadata),
    ...(await createClientConfigurations(config, metadata, fetches)),
    metadata,
    probe: () => fetchMetadata(config, fetches.json),
    // Who may ask for new ones is decided where a token is verified.
    keys: createProviderKeys(metadata.jwks_uri ?? "", fetches.usual, now),
  };
}
