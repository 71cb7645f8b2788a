/** Client authentication that sends no secret, for the option `clientAuth`. */
import { randomBytes } from "node:crypto";
import type * as client from "openid-client";
import {
  checkedAudience,
  checkedKeys,
  checkedSecret,
} from "../base/client-key-calls.js";
import { loadOnce } from "../base/load-once.js";
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

const openidClient = loadOnce(() => import("openid-client"));

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Authenticates no client: for a public one (RFC 6749 2.1). */
export function None(): client.ClientAuth {
  return withFacts(
    byLibrary(({ None: none }) => none()),
    { method: "none", maker: "None()" },
  );
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
        modify: options?.[(await openidClient()).modifyAssertion],
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
 * @throws {LoginKitError} `ERR_CONFIG` for an empty secret, and for wrong options
 */
export function ClientSecretJwt(
  secret: string | (() => string | Promise<string>),
  options?: ClientAssertionOptions,
): client.ClientAuth {
  const audience = checkedAudience("ClientSecretJwt", options);
  const bySecret = (now: string): client.ClientAuth =>
    byLibrary((library) =>
      library.ClientSecretJwt(now, withAudience(library, audience, options)),
    );
  return withFacts(
    typeof secret === "string"
      ? bySecret(checkedSecret("ClientSecretJwt", secret))
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

/** Client authentication by openid-client, which is loaded when it is first asked for. */
function byLibrary(
  make: (library: typeof client) => client.ClientAuth,
): client.ClientAuth {
  const made = loadOnce(async () => make(await openidClient()));
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- openid-client waits for it, which its type does not say
  return async (...parameters): Promise<void> => {
    const authenticate: (...given: typeof parameters) => unknown = await made();
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
  library: typeof client,
  audience: string | undefined,
  options: ClientAssertionOptions | undefined,
): client.ModifyAssertionOptions {
  const modify = options?.[library.modifyAssertion];
  return {
    [library.modifyAssertion](header, claims) {
      if (audience !== undefined) claims["aud"] = audience;
      modify?.(header, claims);
    },
  };
}
