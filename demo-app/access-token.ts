/** What the orders API asks of an access token: issuer, signature, audience, lifetime, scope, and proof of possession where it is bound. */
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify } from "jose";
import type { JWTPayload, JWTVerifyGetKey } from "jose";

import { createProofCheck, PROOF_ALGORITHMS, ProofRefused } from "./proof.js";

/** Which access tokens are good. */
export interface AccessTokenOptions {
  readonly issuer: string;
  /** Another provider whose users have orders here. Default: none. */
  readonly otherIssuer?: string | undefined;
  /** What the access token's `aud` must name. */
  readonly audience: string;
  /** Where the provider's keys are. Default: as the provider's metadata says. */
  readonly jwksUri?: string;
  /** What the access token's `scope` must contain. Default `orders:read`. */
  readonly scope?: string;
  /**
   * The API's own origin, as its callers have it: with it the API checks proofs
   * of possession (DPoP), and takes no bound token without one. Default: it
   * knows bearer tokens alone.
   */
  readonly origin?: string;
  /** The nonce that proofs must have. Default: none. */
  readonly nonce?: () => string;
}

/** The claims of a token that was checked. */
export interface AccessToken extends JWTPayload {
  readonly iss: string;
  readonly sub: string;
}

/** Checks the JWT access token as RFC 9068 section 4 says, and answers as RFC 6750 section 3 says. */
export function requireAccessToken(
  options: AccessTokenOptions,
): RequestHandler {
  const scope = options.scope ?? "orders:read";
  const { issuer, otherIssuer = issuer } = options;
  const keys = createKeys(options);
  const otherKeys =
    otherIssuer === issuer ? keys : createKeys({ issuer: otherIssuer });
  const { origin, nonce } = options;
  const checkProof = createProofCheck(nonce);

  return async function authorize(
    req: Request,
    res: Response,
    next: NextFunction,
  ): Promise<void> {
    const [, scheme = "", token] =
      /^(Bearer|DPoP) +([\w~+/.-]+=*)$/i.exec(
        req.headers.authorization ?? "",
      ) ?? [];
    const isProven = scheme.toLowerCase() === "dpop";
    if (token === undefined || (isProven && origin === undefined)) {
      // Without any token the challenge names no error (RFC 6750 section 3.1).
      challenge(res, 401, {});
      if (origin !== undefined) res.append("WWW-Authenticate", dpop({}));
      res.json({});
      return;
    }

    let claims: JWTPayload;
    try {
      // Whose keys count is what the token says; then it has to be signed by them.
      const isOther = decodeJwt(token).iss === otherIssuer;
      const verified = await jwtVerify(
        token,
        await (isOther ? otherKeys : keys)(),
        {
          issuer: isOther ? otherIssuer : issuer,
          audience: options.audience,
          typ: "at+jwt",
          algorithms: ["RS256"],
          requiredClaims: ["sub", "exp"],
          clockTolerance: 5,
        },
      );
      claims = verified.payload;
    } catch (error) {
      if (isTokenError(error)) {
        const parameters = {
          error: "invalid_token",
          error_description: error.message.replaceAll('"', "'"),
        };
        challenge(res, 401, parameters, isProven ? dpop : bearer);
        res.json(parameters);
        return;
      }
      // No keys, no verdict: that is our trouble, not the caller's.
      res.status(503).set("Retry-After", "5");
      res.json({ error: "the provider's keys cannot be fetched" });
      return;
    }

    if (origin !== undefined) {
      try {
        await provePossession(req, claims, token, isProven, origin);
      } catch (error) {
        if (!(error instanceof ProofRefused)) throw error;
        const { code, message } = error;
        const parameters = { error: code, error_description: message };
        challenge(res, 401, parameters, dpop);
        if (nonce !== undefined) res.set("DPoP-Nonce", nonce());
        res.json(parameters);
        return;
      }
    }

    const scopes = typeof claims["scope"] === "string" ? claims["scope"] : "";
    if (!scopes.split(" ").includes(scope)) {
      const parameters = { error: "insufficient_scope", scope };
      challenge(res, 403, parameters, isProven ? dpop : bearer);
      res.json(parameters);
      return;
    }
    res.locals["accessToken"] = claims;
    next();
  };

  /** A token that is bound to a key is good with a proof alone, and no other token is proven (RFC 9449 section 7). */
  async function provePossession(
    { method, headers, originalUrl }: Request,
    { cnf }: JWTPayload,
    accessToken: string,
    isProven: boolean,
    ownOrigin: string,
  ): Promise<void> {
    const thumbprint = (cnf as { readonly jkt?: unknown } | undefined)?.jkt;
    if (!isProven && thumbprint === undefined) return;
    if (!isProven || thumbprint === undefined) {
      throw new ProofRefused(
        "invalid_token",
        isProven
          ? "the access token is bound to no key"
          : "the access token is bound to a key, and needs a proof",
      );
    }
    const [path = ""] = originalUrl.split("?");
    await checkProof({
      proof: headers["dpop"] as string | undefined,
      method,
      url: ownOrigin + path,
      accessToken,
      thumbprint,
    });
  }
}

/** What the guard has found. */
export function accessTokenOf(res: Response): AccessToken {
  return res.locals["accessToken"] as AccessToken;
}

/** Finds the provider's keys when the first token comes, so that the API starts without the provider. */
function createKeys(
  options: Pick<AccessTokenOptions, "issuer" | "jwksUri">,
): () => Promise<JWTVerifyGetKey> {
  let found: Promise<JWTVerifyGetKey> | undefined;

  async function discover(): Promise<JWTVerifyGetKey> {
    const jwksUri = options.jwksUri ?? (await discoverJwksUri(options.issuer));
    return createRemoteJWKSet(new URL(jwksUri), { cooldownDuration: 5_000 });
  }

  return async function keys() {
    found ??= discover();
    try {
      return await found;
    } catch (error) {
      found = undefined;
      throw error;
    }
  };
}

async function discoverJwksUri(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const metadata = (await response.json()) as Readonly<Record<string, unknown>>;
  if (
    metadata["issuer"] !== issuer ||
    typeof metadata["jwks_uri"] !== "string"
  ) {
    throw new Error(`${url} is not the metadata of ${issuer}`);
  }
  return metadata["jwks_uri"];
}

function isTokenError(error: unknown): error is errors.JOSEError {
  return (
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported
  );
}

type Parameters = Readonly<Record<string, string>>;

function challenge(
  res: Response,
  status: 401 | 403,
  parameters: Parameters,
  scheme = bearer,
): void {
  res.status(status).set("WWW-Authenticate", scheme(parameters));
}

function bearer(parameters: Parameters): string {
  return `Bearer ${attributes({ realm: "orders", ...parameters })}`;
}

/** RFC 9449 section 7.1. */
function dpop(parameters: Parameters): string {
  const algs = PROOF_ALGORITHMS.join(" ");
  return `DPoP ${attributes({ realm: "orders", algs, ...parameters })}`;
}

function attributes(parameters: Parameters): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ");
}
