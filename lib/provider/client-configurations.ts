/** How openid-client asks one provider: which client, which fetch, how patiently. */
import * as client from "openid-client";
import { clientAuthentication } from "./authenticate-client.js";
import { openingUserInfo } from "./decryption.js";
import type { LimitedFetch } from "./limited-fetch.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { isAllowed } from "../config/security-profile.js";
import { withUsableKeys } from "./provider-keys.js";
import { readingTokenResponses } from "./token-response.js";

/** How long a refresh may take, in seconds. Requests that wait for it give up earlier. */
export const REFRESH_TIMEOUT_SECONDS = 60;

/** The fetches of one provider. */
export interface ProviderFetches {
  readonly usual: LimitedFetch;
  /** For good answers that have to be JSON or JWT. */
  readonly json: LimitedFetch;
  /** May take {@link REFRESH_TIMEOUT_SECONDS}. */
  readonly patient: LimitedFetch;
}

/** openid-client's configurations for requests to one provider. */
export interface ClientConfigurations {
  readonly configuration: client.Configuration;
  /** As `configuration`, for requests that must not be given up: an answer that is lost costs the login. */
  readonly patientConfiguration: client.Configuration;
  /** As `configuration`, and checks the signature of UserInfo responses that are JWTs. With new keys: it has forgotten those it knew. */
  readonly userInfoConfiguration: (options?: {
    readonly withNewKeys: boolean;
  }) => Promise<client.Configuration>;
}

/** Creates them from metadata that was checked. */
export async function createClientConfigurations(
  config: ProviderConfig,
  metadata: client.ServerMetadata,
  fetches: ProviderFetches,
): Promise<ClientConfigurations> {
  const configurationWith = async (
    fetch: LimitedFetch,
    timeoutSeconds: number,
    ofProvider: client.ServerMetadata = metadata,
  ): Promise<client.Configuration> => {
    const configuration =
      config.tenants === undefined
        ? new client.Configuration(
            ofProvider,
            config.clientId,
            clientMetadata(config),
            clientAuthentication(config),
          )
        : await ofTenants(config, ofProvider);
    configuration[client.customFetch] = fetch;
    configuration.timeout = timeoutSeconds;
    if (config.allowInsecureRequests) {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so by its authors to make it stand out; config.ts allows it on loopback or by an explicit option only
      client.allowInsecureRequests(configuration);
    }
    return configuration;
  };
  const forUserInfo = async (): Promise<client.Configuration> => {
    const configuration = await configurationWith(
      openingUserInfo(withUsableKeys(fetches.json), config, metadata.jwks_uri),
      config.providerTimeoutSeconds,
      {
        ...metadata,
        userinfo_signing_alg_values_supported: userInfoAlgs(metadata, config),
      },
    );
    client.enableNonRepudiationChecks(configuration);
    return configuration;
  };
  let userInfoConfiguration: Promise<client.Configuration> | undefined;
  return {
    // Endpoints may answer without a body, and so without a type.
    configuration: await configurationWith(
      readingTokenResponses(fetches.usual, config),
      config.providerTimeoutSeconds,
    ),
    patientConfiguration: await configurationWith(
      readingTokenResponses(fetches.patient, config),
      REFRESH_TIMEOUT_SECONDS,
    ),
    userInfoConfiguration(options) {
      if (options?.withNewKeys === true) userInfoConfiguration = undefined;
      return (userInfoConfiguration ??= forUserInfo());
    },
  };
}

/**
 * Where openid-client expects the issuer of each token's tenant. It does so
 * after a discovery at this address alone, which is not asked: the answer is
 * the metadata that is there already.
 */
const WITH_TENANTS = new URL("https://login.microsoftonline.com/");

/**
 * For metadata whose issuer stands for those of tenants; the tokens' are
 * compared by `verifySigned` once more. The one that an authorization response
 * names was compared before, and openid-client is told of none.
 */
function ofTenants(
  config: ProviderConfig,
  metadata: client.ServerMetadata,
): Promise<client.Configuration> {
  return client.discovery(
    WITH_TENANTS,
    config.clientId,
    clientMetadata(config),
    clientAuthentication(config),
    {
      [client.customFetch]: () =>
        Promise.resolve(
          Response.json({
            ...metadata,
            authorization_response_iss_parameter_supported: undefined,
          }),
        ),
    },
  );
}

/** What openid-client knows of this client. */
function clientMetadata({
  idTokenSigningAlg,
  clockToleranceSeconds,
}: ProviderConfig): Partial<client.ClientMetadata> {
  return {
    // Without this, any algorithm the metadata names would do, `none` included.
    id_token_signed_response_alg: idTokenSigningAlg,
    [client.clockTolerance]: clockToleranceSeconds,
  };
}

/** Many providers sign UserInfo as they sign ID Tokens, and do not say so. */
function userInfoAlgs(
  metadata: client.ServerMetadata,
  { userInfoSigningAlg, idTokenSigningAlg, securityProfile }: ProviderConfig,
): string[] {
  if (userInfoSigningAlg !== undefined) return [userInfoSigningAlg];
  const algs = metadata.userinfo_signing_alg_values_supported ?? [
    idTokenSigningAlg,
  ];
  return securityProfile === undefined ? algs : algs.filter(isAllowed);
}
