/** Client authentication that sends no secret, for the option `clientAuth`. */
import * as client from "openid-client";
import { checkedAudience } from "../base/calls.js";

export { None } from "openid-client";

/**
 * Options of `PrivateKeyJwt` and `ClientSecretJwt`. Those of `openid-client`
 * (`modifyAssertion`) do as well.
 */
export interface ClientAssertionOptions extends client.ModifyAssertionOptions {
  /**
   * Whom the assertion is for (RFC 7523 3): a URL, letter by letter. Default: the
   * provider's issuer. Some providers want the address of their token endpoint.
   */
  readonly audience?: string;
}

/**
 * Authenticates the client by an assertion that is signed with its private key
 * (`private_key_jwt`, Core 9). The provider has the public one.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong options
 */
export function PrivateKeyJwt(
  key: client.CryptoKey | client.PrivateKey,
  options?: ClientAssertionOptions,
): client.ClientAuth {
  const audience = checkedAudience("PrivateKeyJwt", options);
  const clientAuth = client.PrivateKeyJwt(key, withAudience(audience, options));
  assertions.set(clientAuth, { maker: "PrivateKeyJwt(key)", audience });
  return clientAuth;
}

/**
 * Authenticates the client by an assertion that is made with its secret
 * (`client_secret_jwt`, Core 9).
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong options
 */
export function ClientSecretJwt(
  secret: string,
  options?: ClientAssertionOptions,
): client.ClientAuth {
  const audience = checkedAudience("ClientSecretJwt", options);
  const clientAuth = client.ClientSecretJwt(
    secret,
    withAudience(audience, options),
  );
  assertions.set(clientAuth, { maker: "ClientSecretJwt(secret)", audience });
  return clientAuth;
}

/** How a function of this file authenticates. */
export interface Assertion {
  /** The call that made it, as applications write it. */
  readonly maker: string;
  /** Undefined: the issuer. */
  readonly audience: string | undefined;
}

const assertions = new WeakMap<client.ClientAuth, Assertion>();

/** What is known of a function that sends assertions; undefined for any other. */
export function assertionOf(
  clientAuth: client.ClientAuth,
): Assertion | undefined {
  return assertions.get(clientAuth);
}

function withAudience(
  audience: string | undefined,
  options: ClientAssertionOptions | undefined,
): client.ModifyAssertionOptions {
  const modify = options?.[client.modifyAssertion];
  return {
    [client.modifyAssertion](header, claims) {
      if (audience !== undefined) claims["aud"] = audience;
      modify?.(header, claims);
    },
  };
}
