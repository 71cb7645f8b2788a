/** Authorization requests that the client signs (JAR, RFC 9101). */
import { randomBytes } from "node:crypto";
import type { ServerMetadata } from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import type { ClientKeySource } from "../config/client-keys.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { isAllowed } from "../config/security-profile.js";
import { withoutSecrets } from "../outgoing/sent-secrets.js";
import { askedInTime } from "./asked-in-time.js";
import { signerOf, signJwt } from "./sign-jwt.js";

/** How long a request object is good, in seconds: the browser takes it to the provider at once. */
const REQUEST_SECONDS = 300;

/** Parameters whose values are JSON, and stand as such in a request object (Core 6.1, RFC 9396 3). */
const JSON_PARAMETERS = ["claims", "authorization_details"];

/**
 * The parameters as the provider gets them: signed where the option
 * `requestSigningKey` is set, and otherwise as they are.
 *
 * @throws {LoginKitError} `ERR_DISCOVERY_INVALID` where the provider requires what the options do not have, `ERR_CLIENT_AUTHENTICATION` where the key cannot sign, or takes longer than `providerTimeoutSeconds`
 */
export async function signedWhereWanted(
  parameters: URLSearchParams,
  config: ProviderConfig,
  metadata: Readonly<ServerMetadata>,
): Promise<URLSearchParams> {
  const { requestSigningKey } = config;
  if (requestSigningKey === undefined) {
    if (metadata.require_signed_request_object !== true) return parameters;
    throw new LoginKitError("ERR_DISCOVERY_INVALID", {
      message:
        "the provider requires signed requests (require_signed_request_object); set the option requestSigningKey, and register its public key",
    });
  }
  try {
    const request = await askedInTime(
      () => signed(parameters, requestSigningKey, config, metadata),
      config,
    );
    return new URLSearchParams({ request });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const secrets = [...parameters.values()];
    throw new LoginKitError("ERR_CLIENT_AUTHENTICATION", {
      message: `requestSigningKey cannot sign the authorization request: ${printable(withoutSecrets(text, secrets))}`,
    });
  }
}

async function signed(
  parameters: URLSearchParams,
  keys: ClientKeySource,
  { securityProfile, clientId, issuer }: ProviderConfig,
  metadata: Readonly<ServerMetadata>,
): Promise<string> {
  const { header, key } = await signerOf(
    keys,
    metadata.request_object_signing_alg_values_supported,
  );
  if (securityProfile !== undefined && !isAllowed(header.alg)) {
    throw new Error(`securityProfile does not allow ${header.alg}`);
  }
  const now = Math.floor(Date.now() / 1000);
  return signJwt({
    key,
    // So that it is taken for no other JWT of the client (RFC 9101 10.8).
    header: { ...header, typ: "oauth-authz-req+jwt" },
    claims: {
      ...claimsOf(parameters),
      response_type: "code",
      client_id: clientId,
      iss: clientId,
      aud: issuer,
      jti: randomBytes(32).toString("base64url"),
      iat: now,
      nbf: now,
      exp: now + REQUEST_SECONDS,
    },
  });
}

/** What stands beside a request object in an address, for providers that read OpenID Connect Core 6.1 to the letter. */
export const BESIDE_REQUEST: Readonly<Record<string, string>> = {
  response_type: "code",
  scope: "openid",
};

function claimsOf(parameters: URLSearchParams): Record<string, unknown> {
  const claims: Record<string, unknown> = {};
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    const [value = ""] = values;
    claims[name] =
      values.length > 1
        ? values
        : name === "max_age"
          ? Number(value)
          : JSON_PARAMETERS.includes(name)
            ? (JSON.parse(value) as unknown)
            : value;
  }
  return claims;
}
