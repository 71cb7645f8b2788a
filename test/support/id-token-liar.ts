/** Makes a real provider hand out ID Tokens that a test wrote. */
import type { ServerResponse } from "node:http";

import {
  type CryptoKey,
  decodeJwt,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from "jose";

import type { ProviderParty } from "./world.js";

/** What is not as it should be. Everything left out is right. */
export interface Lie {
  readonly claims?: (claims: JWTPayload) => JWTPayload;
  readonly header?: Partial<JWTHeaderParameters>;
  /** Replaces the whole token; gets the token as it would have been. */
  readonly token?: (token: string) => string;
  /** Changes the token response. */
  readonly response?: (response: Record<string, unknown>) => object;
  /** Signs with a key that the provider does not publish. */
  readonly foreignKey?: boolean;
  /** What is published beside the good key. */
  readonly moreKeys?: readonly JWK[];
}

/** From now on the provider's token endpoint tells this lie, and its keys are ours. */
export async function tellLie(
  provider: ProviderParty,
  lie: Lie = {},
): Promise<{ rotateKey: () => Promise<void> }> {
  const alg = lie.header?.alg ?? "RS256";
  let published = await keyNumber(alg, 1);
  const foreign = await keyNumber(alg, 2);
  const rotateKey = async (): Promise<void> => {
    published = await keyNumber(alg, 3);
  };

  provider.intercept = (req, res) => {
    if (req.url === "/jwks") {
      const keys = [published.jwk, ...(lie.moreKeys ?? [])];
      res.setHeader("Content-Type", "application/jwk-set+json");
      res.end(JSON.stringify({ keys }));
      return true;
    }
    if (req.url === "/token") {
      rewriteJson(res, async (response) => {
        if (typeof response["id_token"] !== "string") return response;
        const claims = decodeJwt(response["id_token"]);
        const token = await new SignJWT(lie.claims?.(claims) ?? claims)
          .setProtectedHeader({
            alg,
            kid: published.jwk.kid ?? "",
            ...lie.header,
          })
          .sign(lie.foreignKey === true ? foreign.key : published.key);
        const changed = { ...response, id_token: lie.token?.(token) ?? token };
        return lie.response?.(changed) ?? changed;
      });
    }
    return false;
  };
  return { rotateKey };
}

function rewriteJson(
  res: ServerResponse,
  rewrite: (body: Record<string, unknown>) => Promise<object>,
): void {
  const end = res.end.bind(res);
  res.end = ((chunk: unknown) => {
    const body = JSON.parse(String(chunk)) as Record<string, unknown>;
    void rewrite(body).then((changed) => {
      const json = JSON.stringify(changed);
      res.setHeader("Content-Length", Buffer.byteLength(json));
      end(json);
    });
    return res;
  }) as typeof res.end;
}

interface SigningKey {
  readonly key: CryptoKey;
  readonly jwk: JWK;
}

const keys = new Map<string, Promise<SigningKey>>();

/** Made once for all tests of a file: an RSA key takes longer than a login. */
function keyNumber(alg: string, serial: number): Promise<SigningKey> {
  const kid = `${alg}-${String(serial)}`;
  const made =
    keys.get(kid) ??
    generateKeyPair(alg, { extractable: true }).then(
      async ({ privateKey, publicKey }) => ({
        key: privateKey,
        jwk: { ...(await exportJWK(publicKey)), kid, use: "sig" },
      }),
    );
  keys.set(kid, made);
  return made;
}
