/** Redeems the code of an authorization response (RFC 6749 4.1.3, Core 3.1.3). */
import * as client from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { Secret } from "../base/secret.js";
import type {
  Claims,
  TokenOrigin,
  TokenSet,
  Transaction,
} from "../stores/login-store.js";
import type { AuthorizationResponse } from "./authorization-response.js";
import type { Discover, DiscoveredProvider } from "./discovery.js";
import { explaining } from "./explain.js";
import { isJsonObject } from "./json-object.js";
import { checkIdToken } from "./id-token.js";
import { tenantRefusal } from "./tenants.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { witness } from "../telling/witness.js";
import { failedCheck } from "./provider-errors.js";
import { redemptionError } from "./token-request-errors.js";
import { issuedToken, secretOf, type TokenResponse } from "./token-target.js";

/** What a code brought. */
export interface RedeemedCode {
  readonly tokens: TokenSet;
  /** Claims of the validated ID Token. */
  readonly claims: Claims;
  /** What was granted, if the provider said (RFC 6749 5.1). */
  readonly scope: string | undefined;
  /** What was granted beside it (RFC 9396 7); undefined: the provider did not say. */
  readonly authorizationDetails: readonly object[] | undefined;
  readonly origin: TokenOrigin;
}

/**
 * Redeems the code.
 *
 * @param giveBack gets the tokens whose answer is refused
 * @throws {LoginKitError} `ERR_ID_TOKEN_INVALID`, `ERR_TOKEN_RESPONSE_INVALID`, `ERR_TOKEN_REQUEST_REJECTED`, `ERR_CLIENT_AUTHENTICATION`, `ERR_AUTHENTICATION_TOO_WEAK`, `ERR_PROVIDER_UNAVAILABLE`
 */
export type RedeemCode = (
  response: AuthorizationResponse,
  transaction: Transaction,
  giveBack: (subject: string, tokens: TokenSet) => void,
) => Promise<RedeemedCode>;

/** Creates the function. */
export function createCodeRedemption(
  config: ProviderConfig,
  discover: Discover,
  now: () => number,
): RedeemCode {
  const redeem = async (
    provider: DiscoveredProvider,
    ...[response, transaction, giveBack]: Parameters<RedeemCode>
  ): Promise<RedeemedCode> => {
    const requestedAt = now();
    const tokens = await requestTokens(provider, response, transaction, config);
    const idToken = tokens.id_token ?? "";
    witness()?.passed("token_response", "nonce");
    // openid-client types them loosely; checkIdToken sees iss, sub and iat.
    const claims = tokens.claims() as unknown as Claims & { iat: number };
    const accessToken = issuedToken(tokens, now(), transaction.proofKey);
    const { proofKey } = accessToken;
    const tokenSet: TokenSet = {
      idToken: new Secret(idToken),
      refreshToken: secretOf(tokens.refresh_token),
      accessTokens: { "": accessToken },
      ...(proofKey && { proofKey }),
    };
    const expected = {
      idToken,
      accessToken: tokens.access_token,
      acrValues: transaction.acrValues,
    };
    let authorizationDetails: readonly object[] | undefined;
    try {
      authorizationDetails = grantedDetails(tokens.authorization_details);
      await checkIdToken(expected, provider, config, now);
      const refusal = await tenantRefusal(claims.iss, config);
      if (refusal !== undefined) throw refusal;
      if (response.iss !== undefined && response.iss !== claims.iss) {
        throw otherIssuer();
      }
    } catch (error) {
      giveBack(claims.sub, tokenSet);
      throw error;
    }
    const origin = { requestedAt, issuedAt: claims.iat * 1000 };
    const { scope } = tokens;
    return { claims, scope, authorizationDetails, origin, tokens: tokenSet };
  };

  return async function redeemCode(...given) {
    const provider = await discover();
    return explaining(provider, config, redeem(provider, ...given));
  };
}

/** Most of them that are kept with a login, in bytes as JSON. */
const MAX_DETAILS_BYTES = 16 * 1024;

/** A list of objects, as RFC 9396 7 has it; anything else is no answer to build on. */
function grantedDetails(details: unknown): readonly object[] | undefined {
  if (details === undefined) return undefined;
  if (
    Array.isArray(details) &&
    details.every(isJsonObject) &&
    Buffer.byteLength(JSON.stringify(details)) <= MAX_DETAILS_BYTES
  ) {
    return details;
  }
  throw new LoginKitError("ERR_TOKEN_RESPONSE_INVALID", {
    message:
      "authorization_details of the token response is not a list of objects, or longer than 16 KB",
  });
}

/** A tenant's answer with another tenant's token is another one's answer (RFC 9207 2.4). */
function otherIssuer(): LoginKitError {
  return new LoginKitError("ERR_ISSUER_MISMATCH", {
    message:
      "the ID Token has another issuer than the authorization response names",
  });
}

async function requestTokens(
  { configuration, proofs }: DiscoveredProvider,
  response: AuthorizationResponse,
  transaction: Transaction,
  config: ProviderConfig,
): Promise<TokenResponse> {
  // Our own redirect URI and the parameters as they came: no header of the
  // request has a say in where the code was sent.
  const url = new URL(transaction.baseUrl + config.callbackPath);
  url.search = response.parameters.toString();
  // openid-client knows one issuer; that of a tenant was checked before.
  if (config.tenants !== undefined) url.searchParams.delete("iss");
  const checks = {
    expectedState: response.state,
    expectedNonce: transaction.nonce.reveal(),
    pkceCodeVerifier: transaction.codeVerifier.reveal(),
    idTokenExpected: true,
    ...(transaction.maxAgeSeconds !== undefined && {
      maxAge: transaction.maxAgeSeconds,
    }),
  };
  const proof = await proofs.by(configuration, transaction.proofKey);
  return client
    .authorizationCodeGrant(configuration, url, checks, undefined, proof)
    .catch((error: unknown) => {
      witness()?.failed(failedCheck(error));
      throw redemptionError(error, transaction);
    });
}
