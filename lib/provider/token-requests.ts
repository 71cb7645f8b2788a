/** Requests to the token endpoint, and the revocation of what they brought. */
import * as client from "openid-client";
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import type {
  AccessToken,
  Claims,
  TokenOrigin,
  TokenSet,
  Transaction,
} from "../login-store/login-store.js";
import { Secret } from "../secret.js";
import { redirectUri } from "./authorization-request.js";
import type { AuthorizationResponse } from "./authorization-response.js";
import { explained } from "./explain.js";
import { checkIdToken, compareWithFirst } from "./id-token.js";
import type { Issuer, Provider } from "./issuer.js";
import { factsOf, oauthErrorOf, providerError } from "./provider-errors.js";

/** What a code was exchanged for. */
export interface CodeExchange {
  readonly tokens: TokenSet;
  /** Claims of the validated ID Token. */
  readonly claims: Claims;
  readonly origin: TokenOrigin;
}

/** What a refresh brought. */
export interface RefreshedTokens {
  readonly accessToken: AccessToken;
  /** Undefined: the one that was used stays valid (RFC 6749 6). */
  readonly refreshToken: Secret | undefined;
}

/** The token endpoint as the flow uses it. */
export interface TokenRequests {
  /** Redeems the code. `giveBack` gets the tokens whose answer is refused. */
  exchangeCode: (
    response: AuthorizationResponse,
    transaction: Transaction,
    giveBack: (subject: string, tokens: TokenSet) => void,
  ) => Promise<CodeExchange>;
  /** Asks with the refresh token; compares a new ID Token with the first (Core 12.2). */
  refresh: (tokens: TokenSet, target: TokenTarget) => Promise<RefreshedTokens>;
  /** Asks with an access token of the login (RFC 8693). */
  exchange: (subject: Secret, target: TokenTarget) => Promise<RefreshedTokens>;
  /** Asks as the application itself (RFC 6749 4.4). */
  clientCredentials: (target: TokenTarget) => Promise<AccessToken>;
  /** Revokes the refresh token first, then the access tokens (RFC 7009 2.1). Resolves where the provider cannot. */
  revoke: (tokens: TokenSet) => Promise<void>;
}

/** What a token is wanted for. */
export interface TokenTarget {
  /** Resource indicator (RFC 8707). */
  readonly resource: string | undefined;
  readonly scope: string | undefined;
}

/** Creates the requests; their errors are LoginKitErrors. */
export function createTokenRequests(
  config: Config,
  issuer: Issuer,
  now: () => number,
): TokenRequests {
  const explaining = async <Result>(
    provider: Provider,
    result: Promise<Result>,
  ): Promise<Result> => {
    try {
      return await result;
    } catch (error) {
      if (!(error instanceof LoginKitError)) throw error;
      throw explained(error, provider, config);
    }
  };

  const exchangeCode = async (
    response: AuthorizationResponse,
    transaction: Transaction,
    provider: Provider,
    giveBack: (subject: string, tokens: TokenSet) => void,
  ): Promise<CodeExchange> => {
    // Our own redirect URI and the parameters as they came: no header of the
    // request has a say in where the code was sent.
    const url = new URL(redirectUri(config));
    url.search = response.parameters.toString();
    const requestedAt = now();
    const tokens = await client
      .authorizationCodeGrant(provider.configuration, url, {
        expectedState: response.state,
        expectedNonce: transaction.nonce.reveal(),
        pkceCodeVerifier: transaction.codeVerifier.reveal(),
        idTokenExpected: true,
        ...(transaction.maxAgeSeconds !== undefined && {
          maxAge: transaction.maxAgeSeconds,
        }),
      })
      .catch((error: unknown) => {
        throw tokenRequestError(error, transaction);
      });
    const idToken = tokens.id_token ?? "";
    // openid-client types them loosely; checkIdToken sees iss, sub and iat.
    const claims = tokens.claims() as unknown as Claims & { iat: number };
    const tokenSet: TokenSet = {
      idToken: new Secret(idToken),
      refreshToken: secretOf(tokens.refresh_token),
      accessTokens: { "": toAccessToken(tokens, now()) },
    };
    try {
      requireBearer(tokens);
      await checkIdToken(
        {
          idToken,
          accessToken: tokens.access_token,
          acrValues: transaction.acrValues,
        },
        provider,
        config,
        now,
      );
    } catch (error) {
      giveBack(claims.sub, tokenSet);
      throw error;
    }
    return {
      claims,
      origin: { requestedAt, issuedAt: claims.iat * 1000 },
      tokens: tokenSet,
    };
  };

  return {
    async exchangeCode(response, transaction, giveBack) {
      const provider = await issuer();
      return explaining(
        provider,
        exchangeCode(response, transaction, provider, giveBack),
      );
    },
    async refresh({ refreshToken, idToken }, target) {
      if (refreshToken === undefined) {
        throw new LoginKitError("ERR_NO_ACCESS_TOKEN");
      }
      const provider = await issuer();
      // A refresh token may be good for one use. What the check of the answer
      // needs is there before it is spent.
      if (!provider.keys.fresh) await reloadKeys(provider);
      const tokens = await client
        .refreshTokenGrant(
          provider.patientConfiguration,
          refreshToken.reveal(),
          parametersOf(target),
        )
        .catch((error: unknown) => {
          throw refreshError(error);
        });
      requireBearer(tokens);
      if (tokens.id_token !== undefined) {
        await checkIdToken(
          {
            idToken: tokens.id_token,
            accessToken: tokens.access_token,
            acrValues: [],
          },
          provider,
          config,
          now,
        );
        compareWithFirst(tokens.id_token, idToken.reveal());
      }
      return {
        accessToken: toAccessToken(tokens, now()),
        refreshToken: secretOf(tokens.refresh_token),
      };
    },
    async exchange(subject, target) {
      const { configuration } = await issuer();
      const tokens = await client
        .genericGrantRequest(
          configuration,
          "urn:ietf:params:oauth:grant-type:token-exchange",
          {
            ...parametersOf(target),
            subject_token: subject.reveal(),
            subject_token_type: ACCESS_TOKEN_TYPE,
            requested_token_type: ACCESS_TOKEN_TYPE,
          },
        )
        .catch((error: unknown) => {
          throw requestError(error, "the token exchange failed");
        });
      requireBearer(tokens);
      return {
        accessToken: toAccessToken(tokens, now()),
        refreshToken: undefined,
      };
    },
    async clientCredentials(target) {
      const provider = await issuer();
      const tokens = await explaining(
        provider,
        client
          .clientCredentialsGrant(provider.configuration, parametersOf(target))
          .catch((error: unknown) => {
            throw requestError(error, "the client credentials request failed");
          }),
      );
      requireBearer(tokens);
      return toAccessToken(tokens, now());
    },
    async revoke({ refreshToken, accessTokens }) {
      const { configuration, metadata } = await issuer();
      if (metadata.revocation_endpoint === undefined) return;
      let failure: LoginKitError | undefined;
      const revoke = async (token: Secret, hint: string): Promise<void> => {
        try {
          await client.tokenRevocation(configuration, token.reveal(), {
            token_type_hint: hint,
          });
        } catch (error) {
          // RFC 7009 2.2.1: it revokes none of this kind, they just run out.
          if (oauthErrorOf(error)?.error === "unsupported_token_type") return;
          failure ??= requestError(error, "the revocation failed");
        }
      };
      if (refreshToken !== undefined) {
        await revoke(refreshToken, "refresh_token");
      }
      for (const { value } of Object.values(accessTokens)) {
        await revoke(value, "access_token");
      }
      if (failure !== undefined) throw failure;
    },
  };
}

/** RFC 8693 section 3. */
const ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token";

function parametersOf({ resource, scope }: TokenTarget) {
  return {
    ...(resource !== undefined && { resource }),
    ...(scope !== undefined && { scope }),
  };
}

async function reloadKeys({ keys }: Provider): Promise<void> {
  try {
    await keys.reload();
  } catch (error) {
    throw requestError(error, "the provider's keys are not to be had");
  }
}

function requestError(error: unknown, doing: string): LoginKitError {
  return providerError(
    error,
    {
      unwell: "ERR_PROVIDER_UNAVAILABLE",
      refused: "ERR_TOKEN_REQUEST_REJECTED",
      invalid: "ERR_ID_TOKEN_INVALID",
    },
    doing,
  );
}

/** What a provider says about the request, not about the refresh token (RFC 8707 2, RFC 6749 5.2). */
const WRONG_TARGET = new Set(["invalid_target", "invalid_scope"]);

/** Statuses of an address where no token endpoint is: somebody is rebuilding something. */
const NO_ENDPOINT = new Set([404, 405, 410]);

/**
 * Only a provider that speaks about the refresh token, or an ID Token that
 * speaks of somebody else, ends a login. A maintenance page does not.
 */
function refreshError(error: unknown): LoginKitError {
  const { codes, statuses } = factsOf(error);
  const oauthError = oauthErrorOf(error)?.error ?? "";
  const away = statuses.some((status) => NO_ENDPOINT.has(status));
  return providerError(
    error,
    {
      unwell: "ERR_PROVIDER_UNAVAILABLE",
      refused: WRONG_TARGET.has(oauthError)
        ? "ERR_TOKEN_REQUEST_REJECTED"
        : away
          ? "ERR_PROVIDER_UNAVAILABLE"
          : "ERR_REFRESH_REJECTED",
      invalid: codes.some((code) => code.startsWith("OAUTH_JWT_"))
        ? "ERR_ID_TOKEN_INVALID"
        : "ERR_PROVIDER_UNAVAILABLE",
    },
    "the refresh token request failed",
  );
}

type TokenResponse = client.TokenEndpointResponse &
  client.TokenEndpointResponseHelpers;

function tokenRequestError(
  error: unknown,
  transaction: Transaction,
): LoginKitError {
  const mapped = requestError(error, "the token request failed");
  // openid-client compares max_age with auth_time; too old is not untrue.
  return transaction.maxAgeSeconds !== undefined &&
    mapped.message.includes("auth_time")
    ? new LoginKitError("ERR_AUTHENTICATION_TOO_WEAK", {
        message: mapped.message,
        cause: mapped.cause,
      })
    : mapped;
}

/** What RFC 6749 A.12 allows less the space: anything else breaks the header it is sent in. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

/** Longest life of an access token that is believed, in seconds: a year. */
const LONGEST_LIFE = 365 * 24 * 60 * 60;

/** Any other type of token is not ours to use (RFC 6749 7.1); openid-client has lowered its case. */
function requireBearer(tokens: TokenResponse): void {
  if (!HEADER_TEXT.test(tokens.access_token)) {
    throw new LoginKitError("ERR_ID_TOKEN_INVALID", {
      message: "the access token has characters that no token has",
    });
  }
  if (tokens.token_type === "bearer") return;
  throw new LoginKitError("ERR_ID_TOKEN_INVALID", {
    message: "the token response's token_type is not Bearer",
  });
}

function toAccessToken(tokens: TokenResponse, receivedAt: number): AccessToken {
  return {
    value: new Secret(tokens.access_token),
    receivedAt,
    expiresAt:
      tokens.expires_in === undefined
        ? undefined
        : receivedAt + Math.min(tokens.expires_in, LONGEST_LIFE) * 1000,
    scope: tokens.scope,
  };
}

function secretOf(value: string | undefined): Secret | undefined {
  return value === undefined ? undefined : new Secret(value);
}
