/** Reads the assertions by which clients prove who they are (RFC 7523, Core 9). */
import {
  constants,
  createHmac,
  createPublicKey,
  timingSafeEqual,
  verify,
} from "node:crypto";

import type { ProviderClient } from "./parties.js";
import { type Claims, hashOf } from "./signed-token.js";
import {
  endpoint,
  findClient,
  nowSeconds,
  type ProviderState,
} from "./state.js";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** The client whose assertion this is, if it is as that client has registered it. */
export function clientByAssertion(
  state: ProviderState,
  request: Readonly<Record<string, string>>,
): ProviderClient | undefined {
  const { client_assertion: assertion = "", client_assertion_type: type } =
    request;
  const [head = "", body = "", signature = ""] = assertion.split(".");
  const { alg } = jsonOf(head);
  const { iss, sub, aud, exp } = jsonOf(body);
  const client = findClient(state, typeof iss === "string" ? iss : undefined);
  const isRight =
    client !== undefined &&
    type === ASSERTION_TYPE &&
    sub === client.clientId &&
    (request["client_id"] ?? sub) === sub &&
    [aud].flat().join(" ") === audienceFor(client, state) &&
    Number(exp) > nowSeconds() &&
    isSignedBy(client, String(alg), `${head}.${body}`, signature);
  return isRight ? client : undefined;
}

function audienceFor(
  { assertionAudience = "issuer" }: ProviderClient,
  state: ProviderState,
): string {
  if (assertionAudience === "issuer") return state.issuer;
  return assertionAudience === "token_endpoint"
    ? endpoint(state, "token")
    : assertionAudience;
}

function isSignedBy(
  { tokenEndpointAuthMethod, clientSecret, publicKey }: ProviderClient,
  alg: string,
  input: string,
  signature: string,
): boolean {
  const given = Buffer.from(signature, "base64url");
  if (tokenEndpointAuthMethod === "client_secret_jwt") {
    if (!alg.startsWith("HS")) return false;
    const right = createHmac(hashOf(alg), clientSecret).update(input).digest();
    return right.length === given.length && timingSafeEqual(right, given);
  }
  if (tokenEndpointAuthMethod !== "private_key_jwt" || !publicKey) return false;
  if (!/^(?:[REP]S\d{3}|EdDSA|Ed25519)$/.test(alg)) return false;
  const key = createPublicKey({ format: "jwk", key: publicKey });
  return verify(
    key.asymmetricKeyType === "ed25519" ? null : hashOf(alg),
    Buffer.from(input),
    {
      key,
      dsaEncoding: "ieee-p1363",
      ...(alg.startsWith("PS") && {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }),
    },
    given,
  );
}

function jsonOf(part: string): Claims {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString()) as Claims;
  } catch {
    return {};
  }
}
