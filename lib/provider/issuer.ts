/** The provider's metadata and keys: found when first needed, shared, retried, refreshed. */
import * as client from "openid-client";
import type { Config } from "../config/config.js";
import { LoginKitError } from "../base/errors.js";
import { isLoopbackHttp } from "../base/loopback.js";
import { printable } from "../base/printable.js";
import { jsonObject, withoutEmptyMembers } from "./json-object.js";

import { createLimitedFetch, type LimitedFetch } from "./limited-fetch.js";
import { createProviderClock, type ProviderClock } from "./provider-clock.js";
import { classifyFailure, providerError } from "./provider-errors.js";
import {
  createProviderKeys,
  type ProviderKeys,
  withUsableKeys,
} from "./provider-keys.js";
import { secretsSent, withoutSecrets } from "./sent-secrets.js";
import { readingTokenResponses } from "./token-response.js";

/** Metadata older than this is fetched anew, in milliseconds. The old one serves meanwhile. */
const REFRESH_AFTER = 60 * 60 * 1000;

/** After a failed discovery nobody asks again for so long, in milliseconds. */
const RETRY_AFTER = 1000;

/** How long a refresh may take, in seconds. Requests that wait for it give up earlier. */
const PATIENCE = 60;

/** A discovered provider, ready for requests. */
export interface Provider {
  readonly configuration: client.Configuration;
  /** As `configuration`, for requests that must not be given up: an answer that is lost costs the login. */
  readonly patientConfiguration: client.Configuration;
  /** As `configuration`, and checks the signature of UserInfo responses that are JWTs. With new keys: it has forgotten those it knew. */
  readonly userInfoConfiguration: (options?: {
    readonly withNewKeys: boolean;
  }) => client.Configuration;
  readonly metadata: Readonly<client.ServerMetadata>;
  readonly keys: ProviderKeys;
  readonly clock: ProviderClock;
}

/** Gives the provider, discovering it first if need be. */
export type Issuer = () => Promise<Provider>;

/**
 * Creates the issuer. Nothing is fetched before the first call, so the
 * application starts whether or not its provider is up.
 *
 * The returned function rejects with `ERR_PROVIDER_UNAVAILABLE` or
 * `ERR_DISCOVERY_INVALID`. `stop` ends every request to the provider.
 */
export function createIssuer(
  config: Config,
  now: () => number,
  stop?: AbortSignal,
): Issuer {
  const clock = createProviderClock(now);
  let known: { provider: Provider; at: number } | undefined;
  let discovering: Promise<Provider> | undefined;
  let failure: { error: unknown; at: number } | undefined;

  const discover = (): Promise<Provider> => {
    discovering ??= discoverProvider(config, clock, now, stop)
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
    failure === undefined || now() - failure.at >= RETRY_AFTER;

  return async function issuer() {
    if (known === undefined) {
      if (failure !== undefined && !mayAsk()) throw failure.error;
      return discover();
    }
    if (now() - known.at >= REFRESH_AFTER && mayAsk()) {
      // The last good metadata serves; a failure is retried at a later request.
      discover().catch(() => undefined);
    }
    return known.provider;
  };
}

async function discoverProvider(
  config: Config,
  clock: ProviderClock,
  now: () => number,
  stop: AbortSignal | undefined,
): Promise<Provider> {
  const limits = { clock, ...(stop && { stop }) };
  const fetch = createLimitedFetch(config.providerTimeoutSeconds, limits);
  const fetchJson = createLimitedFetch(config.providerTimeoutSeconds, {
    ...limits,
    only: "json",
  });
  const address = `${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const configuration = await client
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
        [client.customFetch]: withoutEmptyMembersIn(fetchJson),
        timeout: config.providerTimeoutSeconds,
      },
    )
    .catch((error: unknown) => {
      throw discoveryError(error, address);
    });
  // Other endpoints may answer without a body, and so without a type.
  configuration[client.customFetch] = readingTokenResponses(fetch);
  const metadata: client.ServerMetadata = configuration.serverMetadata();
  checkMetadata(metadata, config, address);

  const variant = (
    timeoutSeconds: number,
    ofProvider: client.ServerMetadata = metadata,
  ): client.Configuration => {
    const other = new client.Configuration(
      ofProvider,
      config.clientId,
      clientMetadata(config),
      clientAuthentication(config),
    );
    other[client.customFetch] = readingTokenResponses(
      createLimitedFetch(timeoutSeconds, limits),
    );
    other.timeout = timeoutSeconds;
    if (config.allowInsecureRequests) {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- as above
      client.allowInsecureRequests(other);
    }
    return other;
  };
  const forUserInfo = (): client.Configuration => {
    const other = variant(config.providerTimeoutSeconds, {
      ...metadata,
      userinfo_signing_alg_values_supported: userInfoAlgs(metadata, config),
    });
    client.enableNonRepudiationChecks(other);
    other[client.customFetch] = withUsableKeys(fetchJson);
    return other;
  };
  let userInfoConfiguration = forUserInfo();
  return {
    configuration,
    patientConfiguration: variant(PATIENCE),
    userInfoConfiguration(options) {
      if (options?.withNewKeys === true) userInfoConfiguration = forUserInfo();
      return userInfoConfiguration;
    },
    metadata,
    clock,
    // Who may ask for new ones is decided where a token is verified.
    keys: createProviderKeys(metadata.jwks_uri ?? "", fetch, now),
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

/** Many providers sign UserInfo as they sign ID Tokens, and do not say so. */
function userInfoAlgs(
  metadata: client.ServerMetadata,
  { userInfoSigningAlg, idTokenSigningAlg }: Config,
): string[] {
  if (userInfoSigningAlg !== undefined) return [userInfoSigningAlg];
  return metadata.userinfo_signing_alg_values_supported ?? [idTokenSigningAlg];
}

function clientMetadata(config: Config) {
  return {
    // Without this, any algorithm the metadata names would do, `none` included.
    id_token_signed_response_alg: config.idTokenSigningAlg,
    [client.clockTolerance]: config.clockToleranceSeconds,
  };
}

function clientAuthentication(config: Config): client.ClientAuth {
  const { clientAuth, clientSecret } = config;
  if (typeof clientAuth === "function") return guarded(clientAuth);
  return clientAuth === "client_secret_post"
    ? client.ClientSecretPost(clientSecret)
    : client.ClientSecretBasic(clientSecret);
}

/** The application's own code: what it throws is about the client, and may hold what it was to send. */
function guarded(clientAuth: client.ClientAuth): client.ClientAuth {
  const authenticate: (
    ...parameters: Parameters<client.ClientAuth>
  ) => unknown = clientAuth;
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- openid-client waits for it, which its type does not say
  return async (...parameters): Promise<void> => {
    const [, , body, headers] = parameters;
    const before = secretsSent(headers, body);
    try {
      await authenticate(...parameters);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const secrets = [...before, ...secretsSent(headers, body)];
      throw new LoginKitError("ERR_CLIENT_AUTHENTICATION", {
        message: `the function clientAuth failed: ${printable(withoutSecrets(text, secrets))}`,
      });
    }
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

const ENDPOINTS = [
  "authorization_endpoint",
  "token_endpoint",
  "jwks_uri",
  "userinfo_endpoint",
  "end_session_endpoint",
  "check_session_iframe",
  "pushed_authorization_request_endpoint",
  "revocation_endpoint",
] as const;

const REQUIRED_ENDPOINTS = ENDPOINTS.slice(0, 3);

/** OpenID Connect Discovery 4.3: the issuer must be identical, letter by letter. */
function checkMetadata(
  metadata: client.ServerMetadata,
  config: Config,
  address: string,
): void {
  const problems: string[] = [];
  if (metadata.issuer !== config.issuer) {
    problems.push(
      `issuer is ${printable(metadata.issuer)}, but the option issuer is ${config.issuer}`,
    );
  }
  for (const name of REQUIRED_ENDPOINTS) {
    if (metadata[name] === undefined) problems.push(`${name} is missing`);
  }
  for (const name of ENDPOINTS) {
    const value = metadata[name];
    if (value !== undefined && !isUsableEndpoint(value, config)) {
      problems.push(`${name} is not an https URL`);
    }
  }
  if (problems.length === 0) return;
  throw new LoginKitError("ERR_DISCOVERY_INVALID", {
    message: `the metadata at ${address} is not usable: ${problems.join("; ")}`,
  });
}

function isUsableEndpoint(value: unknown, config: Config): boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const url = new URL(value);
  if (url.protocol !== "http:") return url.protocol === "https:";
  return (
    config.dangerouslyAllowInsecureRequests ||
    (config.allowInsecureRequests && isLoopbackHttp(url))
  );
}
