/** Fetches the provider's metadata (Discovery 4, RFC 8414 3). */
import type { ServerMetadata } from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { isCertificate } from "../config/client-problems.js";
import { checkMetadata, DIRECT_ENDPOINTS } from "./check-metadata.js";
import { internalAddress, publicAddress } from "./internal-origin.js";
import {
  isJsonObject,
  jsonObject,
  withoutEmptyMembers,
  type JsonObject,
} from "./json-object.js";
import type { LimitedFetch } from "./limited-fetch.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { providerError } from "./provider-errors.js";

/**
 * The metadata as the kit uses it: checked, with the addresses of the options
 * in their places.
 *
 * @param fetch takes JSON only
 * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE`, `ERR_DISCOVERY_INVALID`
 */
export async function fetchMetadata(
  config: ProviderConfig,
  fetch: LimitedFetch,
): Promise<ServerMetadata> {
  const { issuer, metadataUrl, endSessionUrl } = config;
  // As it is really asked, for the messages.
  const address = internalAddress(
    metadataUrl ??
      `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
    config,
  );
  const document = await fetchDocument(address, fetch, config);
  const metadata = {
    ...withPublicAddresses(withAliases(document, config), config),
    // Nobody goes there.
    ...(endSessionUrl !== undefined && { end_session_endpoint: undefined }),
  } as unknown as ServerMetadata;
  checkMetadata(metadata, config, address);
  return endSessionUrl === undefined
    ? metadata
    : { ...metadata, end_session_endpoint: endSessionUrl };
}

async function fetchDocument(
  address: string,
  fetch: LimitedFetch,
  config: ProviderConfig,
): Promise<JsonObject> {
  try {
    const response = await fetch(address, {
      method: "GET",
      headers: { accept: "application/json" },
    });
    const { status } = response;
    if (status >= 300 && status < 400) {
      throw redirected(address, status, config);
    }
    if (status !== 200) {
      throw new Error("unexpected HTTP status code", { cause: response });
    }
    const document = jsonObject(await response.text());
    if (document === undefined) {
      throw new Error("the answer is not a JSON object");
    }
    if (typeof document["issuer"] !== "string") {
      throw new Error("issuer is missing, or no text");
    }
    // Some providers send members that they have no value for.
    return withoutEmptyMembers(document);
  } catch (error) {
    const failure = providerError(
      error,
      {
        unwell: "ERR_PROVIDER_UNAVAILABLE",
        refused: "ERR_DISCOVERY_INVALID",
        invalid: "ERR_DISCOVERY_INVALID",
      },
      `no metadata from ${address}`,
    );
    // A redirect is told with its remedy already.
    if (failure === error) throw failure;
    throw failure.with({
      message: `${failure.message}; the address is made of the option ${addressOption(config)}`,
    });
  }
}

function addressOption({ metadataUrl }: ProviderConfig): string {
  return metadataUrl === undefined ? "issuer" : "metadataUrl";
}

function redirected(
  address: string,
  status: number,
  config: ProviderConfig,
): LoginKitError {
  const option = addressOption(config);
  return new LoginKitError("ERR_DISCOVERY_INVALID", {
    message: `${address} answered ${String(status)}, a redirect, which is not followed; set ${option} to the address where the metadata is`,
  });
}

/** Where a client with a certificate asks in place of the usual addresses (RFC 8705 5). */
function withAliases(
  document: JsonObject,
  { clientAuth }: ProviderConfig,
): JsonObject {
  const { mtls_endpoint_aliases: aliases } = document;
  if (!isCertificate(clientAuth) || !isJsonObject(aliases)) return document;
  const direct = DIRECT_ENDPOINTS.flatMap((name) =>
    // Keys are public: nobody shows a certificate for them.
    name !== "jwks_uri" && aliases[name] !== undefined
      ? [[name, aliases[name]] as const]
      : [],
  );
  return { ...document, ...Object.fromEntries(direct) };
}

/**
 * A provider may name the addresses under which it was asked. What only the
 * application asks is asked there all the same, and is https for every check.
 */
function withPublicAddresses(
  document: JsonObject,
  config: ProviderConfig,
): JsonObject {
  const direct = DIRECT_ENDPOINTS.flatMap((name) => {
    const value = document[name];
    return typeof value === "string"
      ? [[name, publicAddress(value, config)] as const]
      : [];
  });
  return { ...document, ...Object.fromEntries(direct) };
}
