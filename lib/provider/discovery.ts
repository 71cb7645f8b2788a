/** Finds a provider's metadata and keys: when first needed, shared, retried, refreshed. */
import * as client from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { clientAuthentication } from "./authenticate-client.js";
import { checkMetadata } from "./check-metadata.js";
import {
  clientMetadata,
  createClientConfigurations,
  REFRESH_TIMEOUT_SECONDS,
  type ClientConfigurations,
  type ProviderFetches,
} from "./client-configurations.js";
import { jsonObject, withoutEmptyMembers } from "./json-object.js";
import { createLimitedFetch, type LimitedFetch } from "./limited-fetch.js";
import { createProviderClock, type ProviderClock } from "./provider-clock.js";
import type { ProviderConfig } from "./provider-config.js";
import { classifyFailure, providerError } from "./provider-errors.js";
import { createProviderKeys, type ProviderKeys } from "./provider-keys.js";

/** Metadata older than this is fetched anew. The old one serves meanwhile. */
const REFRESH_AFTER_MS = 60 * 60 * 1000;

/** How long nobody asks again after a failed discovery. */
const RETRY_AFTER_MS = 1000;

/** A provider that was found, ready for requests. */
export interface DiscoveredProvider extends ClientConfigurations {
  readonly metadata: Readonly<client.ServerMetadata>;
  readonly keys: ProviderKeys;
  readonly clock: ProviderClock;
}

/** Gives the provider, discovering it first if need be. */
export type Discover = () => Promise<DiscoveredProvider>;

/**
 * Creates the discovery. Nothing is fetched before the first call, so the
 * application starts whether or not its provider is up.
 *
 * The returned function rejects with `ERR_PROVIDER_UNAVAILABLE` or
 * `ERR_DISCOVERY_INVALID`. `stop` ends every request to the provider.
 */
export function createDiscovery(
  config: ProviderConfig,
  now: () => number,
  stop?: AbortSignal,
): Discover {
  const clock = createProviderClock(now);
  const fetches = createFetches(config, clock, stop);
  let known: { provider: DiscoveredProvider; at: number } | undefined;
  let discovering: Promise<DiscoveredProvider> | undefined;
  let failure: { error: unknown; at: number } | undefined;

  const discoverNow = (): Promise<DiscoveredProvider> => {
    discovering ??= discoverProvider(config, fetches, clock, now)
      .then((provider) => {
        known = { provider, at: now() };
        failure = undefined;
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
  { providerTimeoutSeconds, fetch }: ProviderConfig,
  clock: ProviderClock,
  stop: AbortSignal | undefined,
): ProviderFetches {
  const limits = { clock, fetch, stop };
  return {
    usual: createLimitedFetch(providerTimeoutSeconds, limits),
    json: createLimitedFetch(providerTimeoutSeconds, {
      ...limits,
      only: "json",
    }),
    patient: createLimitedFetch(REFRESH_TIMEOUT_SECONDS, limits),
  };
}

async function discoverProvider(
  config: ProviderConfig,
  fetches: ProviderFetches,
  clock: ProviderClock,
  now: () => number,
): Promise<DiscoveredProvider> {
  const address = `${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const discovered = await client
    .discovery(
      new URL(address),
      config.clientId,
      clientMetadata(config),
      clientAuthentication(config),
      {
        execute: config.allowInsecureRequests
          ? // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so by its authors to make it stand out; config.ts allows it on loopback or by an explicit option only
            [client.allowInsecureRequests]
          : [],
        [client.customFetch]: withoutEmptyMembersIn(fetches.json),
        timeout: config.providerTimeoutSeconds,
      },
    )
    .catch((error: unknown) => {
      throw discoveryError(error, address);
    });
  const metadata: client.ServerMetadata = discovered.serverMetadata();
  checkMetadata(metadata, config, address);
  return {
    ...createClientConfigurations(config, metadata, fetches),
    metadata,
    clock,
    // Who may ask for new ones is decided where a token is verified.
    keys: createProviderKeys(metadata.jwks_uri ?? "", fetches.usual, now),
  };
}

/** Some providers send members that they have no value for. */
function withoutEmptyMembersIn(fetch: LimitedFetch): LimitedFetch {
  return async function fetchMetadata(url, request) {
    const response = await fetch(url, request);
    if (response.status !== 200) return response;
    const text = await response.text();
    const metadata = jsonObject(text);
    return new Response(
      metadata === undefined
        ? text
        : JSON.stringify(withoutEmptyMembers(metadata)),
      response,
    );
  };
}

function discoveryError(error: unknown, address: string): LoginKitError {
  const status = redirectStatus(error);
  if (status !== undefined) {
    return new LoginKitError("ERR_DISCOVERY_INVALID", {
      message: `${address} answered ${String(status)}, a redirect, which is not followed; set issuer to the address where the metadata is`,
    });
  }
  return providerError(
    error,
    {
      unwell: "ERR_PROVIDER_UNAVAILABLE",
      refused: "ERR_DISCOVERY_INVALID",
      invalid: "ERR_DISCOVERY_INVALID",
    },
    `no metadata from ${address}`,
  );
}

function redirectStatus(error: unknown): number | undefined {
  if (classifyFailure(error) !== "invalid") return undefined;
  const { cause } = error as { cause?: { status?: unknown } };
  const status = cause?.status;
  return typeof status === "number" && status >= 300 && status < 400
    ? status
    : undefined;
}
