/** Which metadata of a provider can be used (Discovery 4.3). */
import type { ServerMetadata } from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { isLoopbackHttp } from "../base/loopback.js";
import { printable } from "../base/printable.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { profileFaults } from "./check-profile.js";
import { isInternal } from "./internal-origin.js";

/** What the application itself asks. */
export const DIRECT_ENDPOINTS = [
  "token_endpoint",
  "jwks_uri",
  "userinfo_endpoint",
  "pushed_authorization_request_endpoint",
  "revocation_endpoint",
] as const;

/** Where browsers go. */
const BROWSER_ENDPOINTS = [
  "authorization_endpoint",
  "end_session_endpoint",
  "check_session_iframe",
] as const;

const ENDPOINTS = [...BROWSER_ENDPOINTS, ...DIRECT_ENDPOINTS];

const REQUIRED_ENDPOINTS = [
  "authorization_endpoint",
  "token_endpoint",
  "jwks_uri",
] as const;

/**
 * Checks metadata that came from an address. The issuer must be identical,
 * letter by letter.
 *
 * @throws {LoginKitError} `ERR_DISCOVERY_INVALID`
 */
export function checkMetadata(
  metadata: ServerMetadata,
  config: ProviderConfig,
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
  for (const name of BROWSER_ENDPOINTS) {
    if (isInternal(String(metadata[name]), config)) {
      problems.push(
        `${name} is at the option internalOrigin, where no browser comes; set the provider's own public address there`,
      );
    }
  }
  problems.push(...profileFaults(metadata, config));
  if (problems.length === 0) return;
  throw new LoginKitError("ERR_DISCOVERY_INVALID", {
    message: `the metadata at ${address} is not usable: ${problems.join("; ")}`,
  });
}

function isUsableEndpoint(
  value: unknown,
  { allowInsecureRequests, dangerouslyAllowInsecureRequests }: ProviderConfig,
): boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const url = new URL(value);
  if (url.protocol !== "http:") return url.protocol === "https:";
  return (
    dangerouslyAllowInsecureRequests ||
    (allowInsecureRequests && isLoopbackHttp(url))
  );
}
