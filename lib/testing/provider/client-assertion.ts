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
  const { iss, sub, aud, exp } = jwtClaims(assertion).claims;
  const client = findClient(state, typeof iss === "string" ? iss : undefined);
  const isRight =
    client !== undefined &&
    type === ASSERTION_TYPE &&
    sub === client.clientId &&
    (request["client_id"] ?? sub) === sub &&
    [aud].flat().join(" ") === audienceFor(client, state) &&
    Number(exp) > nowSeconds() &&
    isSignedAsRegistered(client, assertion);
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

function isSignedAsRegistered(client: ProviderClient, token: string): boolean {
  const { tokenEndpointAuthMethod: method, clientSecret } = client;
  if (method === "private_key_jwt") return isSignedByClient(client, token);
  const [head = "", body = "", signature = ""] = token.split(".");
  const alg = String(jsonOf(head)["alg"]);
  if (method !== "client_secret_jwt" || !alg.startsWith("HS")) return false;
  const given = Buffer.from(signature, "base64url");
  const right = createHmac(hashOf(alg), clientSecret)
    .update(`${head}.${body}`)
    .digest();
  return right.length === given.length && timingSafeEqual(right, given);
}

/** Whether a JWT is signed with the client's private key. */
export function isSignedByClient(
  { publicKey }: ProviderClient,
  token: string,
): boolean {
  const [head = "", body = "", signature = ""] = token.split(".");
  const alg = String(jsonOf(head)["alg"]);
  if (!publicKey || !/^(?:[REP]S\d{3}|EdDSA|Ed25519)$/.test(alg)) return false;
  const key = createPublicKey({ format: "jwk", key: publicKey });
  return verify(
    key.asymmetricKeyType === "ed25519" ? null : hashOf(alg),
    Buffer.from(`${head}.${body}`),
    {
      key,
      dsaEncoding: "ieee-p1363",
      ...(alg.startsWith("PS") && {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }),
    },
    Buffer.from(signature, "base64url"),
  );
}

/** What a JWT says, before its signature is looked at. */
export function jwtClaims(token: string): {
  readonly header: Claims;
  readonly claims: Claims;
} {
  const [head = "", body = ""] = token.split(".");
  return { header: jsonOf(head), claims: jsonOf(body) };
}

function jsonOf(part: string): Claims {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString()) as Claims;
  } catch {
    return {};
  }
}
