/** Authorization responses that the provider signs, and may encrypt (JARM). */
import { decodeJwt, type JWTPayload } from "jose";
import { LoginKitError } from "../base/errors.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { isJarm } from "../config/provider-security-options.js";
import { witness } from "../telling/witness.js";
import { withErrorIn } from "./authorization-response.js";
import { opened } from "./decryption.js";
import type { Discover } from "./discovery.js";
import { providerError } from "./provider-errors.js";
import { untrustedAudience, verifySigned } from "./signed-token.js";

/** The parameter that a signed response is in. */
const RESPONSE = "response";

/** Claims of the JWT itself, which are no parameters of the response. */
const OF_JWT = new Set(["aud", "exp", "iat", "jti", "nbf"]);

/** Authorization responses as they are sent, and what they say. */
export interface SignedResponses {
  /**
   * What a response says, before anything is checked: enough to find the sign-in
   * that it belongs to, and for nothing else.
   *
   * @throws {LoginKitError} `ERR_CALLBACK_MALFORMED`, and `ERR_PROVIDER_UNAVAILABLE` where `decryptionKeys` gives no keys
   */
  readonly readResponse: (sent: URLSearchParams) => Promise<URLSearchParams>;
  /**
   * What it says, after its signature, issuer, audience and expiry where
   * responses are signed; then one that is not signed is refused.
   *
   * @throws {LoginKitError} `ERR_CALLBACK_MALFORMED`, `ERR_PROVIDER_UNAVAILABLE`
   */
  readonly verifyResponse: (sent: URLSearchParams) => Promise<URLSearchParams>;
}

/** Creates the functions. */
export function createSignedResponses(
  config: ProviderConfig,
  discover: Discover,
  now: () => number,
): SignedResponses {
  if (!isJarm(config.responseMode)) {
    const asItIs = (sent: URLSearchParams): Promise<URLSearchParams> =>
      Promise.resolve(sent);
    return { readResponse: asItIs, verifyResponse: asItIs };
  }
  return {
    async readResponse(sent) {
      const token = sent.get(RESPONSE);
      if (token === null) return sent;
      // What has to be encrypted is refused when it is known whose it is.
      const jwt = await opened(token, undefined, config).catch(refuse);
      return parametersOf(decoded(jwt));
    },
    async verifyResponse(sent) {
      const [token, ...others] = sent.getAll(RESPONSE);
      if (token === undefined || others.length > 0)
        throw notSigned(sent, config);
      const { keys } = await discover();
      try {
        const jwt = await opened(token, "authorizationResponse", config);
        const claims = await verifySigned(jwt, {
          config,
          keys,
          now,
          requiredClaims: ["iss", "aud", "exp"],
          algorithm: {
            option: "responseSigningAlg",
            name: config.responseSigningAlg ?? config.idTokenSigningAlg,
          },
          // Only the browser that began the sign-in comes here, and once.
          reloadKeys: () => keys.reload(),
        });
        const untrusted = untrustedAudience(claims, config);
        if (untrusted !== undefined) throw new Error(untrusted);
        witness()?.passed("response_signature");
        return parametersOf(claims);
      } catch (error) {
        witness()?.failed("response_signature");
        refuse(error);
      }
    },
  };
}

function refuse(error: unknown): never {
  throw providerError(
    error,
    {
      unwell: "ERR_PROVIDER_UNAVAILABLE",
      refused: "ERR_CALLBACK_MALFORMED",
      invalid: "ERR_CALLBACK_MALFORMED",
    },
    "the signed authorization response was refused",
  );
}

function decoded(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    throw new LoginKitError("ERR_CALLBACK_MALFORMED", {
      message: "the signed authorization response is not a JWT",
    });
  }
}

/** The texts among the claims (JARM 2.1). */
function parametersOf(claims: JWTPayload): URLSearchParams {
  return new URLSearchParams(
    Object.entries(claims).filter(
      (claim): claim is [string, string] =>
        typeof claim[1] === "string" && !OF_JWT.has(claim[0]),
    ),
  );
}

function notSigned(
  sent: URLSearchParams,
  { responseMode }: ProviderConfig,
): LoginKitError {
  witness()?.failed("response_signature");
  return withErrorIn(
    sent,
    new LoginKitError("ERR_CALLBACK_MALFORMED", {
      message: `the option responseMode is ${responseMode}, and the authorization response is not one signed JWT`,
    }),
  ).failure;
}
