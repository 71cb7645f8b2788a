/** Client authentication that sends no secret, for the option `clientAuth`. */
import { randomBytes } from "node:crypto";
import * as client from "openid-client";
import { checkedAudience, checkedKeys } from "../base/client-key-calls.js";
import { withFacts } from "../config/client-auth-facts.js";
import {
  type ClientKeys,
  type ClientKeySource,
  readClientKeys,
} from "../config/client-keys.js";
import { secretNow } from "./client-secret.js";
import { signerOf, signJwt } from "./sign-jwt.js";

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

/** How long an assertion is good, in seconds. */
const ASSERTION_SECONDS = 60;

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Authenticates no client: for a public one (RFC 6749 2.1). */
export function None(): client.ClientAuth {
  return withFacts(client.None(), { method: "none", maker: "None()" });
}

/**
 * Authenticates the client by an assertion that is signed with its private key
 * (`private_key_jwt`, Core 9). The provider has the public one.
 *
 * The key may be PEM, a JWK, a `CryptoKey`, a `KeyObject`, or `{ alg, sign }`
 * where the key is in a key management service. Of a list the first one signs; a
 * function is asked for the keys each time.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for what is no key, and for wrong options
 */
export function PrivateKeyJwt(
  key: ClientKeys,
  options?: ClientAssertionOptions,
): client.ClientAuth {
  const keys = checkedKeys("PrivateKeyJwt", () => readClientKeys(key));
  const audience = checkedAudience("PrivateKeyJwt", options);
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- openid-client waits for it, which its type does not say
  const clientAuth: client.ClientAuth = async (
    server,
    { client_id: id },
    body,
  ): Promise<void> => {
    body.set("client_id", id);
    body.set("client_assertion_type", ASSERTION_TYPE);
    body.set(
      "client_assertion",
      await assertionBy(keys, server, {
        id,
        audience: audience ?? server.issuer,
        modify: options?.[client.modifyAssertion],
      }),
    );
  };
  return withFacts(clientAuth, {
    method: "private_key_jwt",
    maker: "PrivateKeyJwt(key)",
    audience,
    keys,
  });
}

/**
 * Authenticates the client by an assertion that is made with its secret
 * (`client_secret_jwt`, Core 9). A function is asked for the secret each time.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong options
 */
export function ClientSecretJwt(
  secret: string | (() => string | Promise<string>),
  options?: ClientAssertionOptions,
): client.ClientAuth {
  const audience = checkedAudience("ClientSecretJwt", options);
  const bySecret = (now: string): client.ClientAuth =>
    client.ClientSecretJwt(now, withAudience(audience, options));
  return withFacts(
    typeof secret === "string"
      ? bySecret(secret)
      : byFunction(secret, bySecret),
    {
      method: "client_secret_jwt",
      maker: "ClientSecretJwt(secret)",
      audience,
    },
  );
}

/** Client authentication with a secret that is asked for each time. */
export function byFunction(
  secret: () => string | Promise<string>,
  bySecret: (secret: string) => client.ClientAuth,
): client.ClientAuth {
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- openid-client waits for it, which its type does not say
  return async (...parameters): Promise<void> => {
    const authenticate: (...given: typeof parameters) => unknown = bySecret(
      await secretNow(secret),
    );
    await authenticate(...parameters);
  };
}

interface Asserted {
  readonly id: string;
  readonly audience: string;
  readonly modify: client.ModifyAssertionFunction | undefined;
}

/** RFC 7523 3: who it is, for whom, good for a short time, and once. */
async function assertionBy(
  keys: ClientKeySource,
  server: client.ServerMetadata,
  { id, audience, modify }: Asserted,
): Promise<string> {
  const { header, key } = await signerOf(
    keys,
    server.token_endpoint_auth_signing_alg_values_supported,
  );
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: id,
    sub: id,
    aud: audience,
    jti: randomBytes(32).toString("base64url"),
    iat: now,
    nbf: now,
    exp: now + ASSERTION_SECONDS,
  };
  modify?.(header as never, claims);
  return signJwt({ header, claims, key });
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
