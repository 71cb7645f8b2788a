/** Requests to the token endpoint: for a code, and for a refresh token. */
import * as client from "openid-client";
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import type {
  AccessToken,
  Claims,
  TokenSet,
  Transaction,
} from "../login-store/login-store.js";
import { Secret } from "../secret.js";
import { redirectUri } from "./authorization-request.js";
import type { AuthorizationResponse } from "./authorization-response.js";
import { checkIdToken, compareWithFirst } from "./id-token.js";
import type { Issuer } from "./issuer.js";
import { providerError } from "./provider-errors.js";

/** What a code was exchanged for. */
export interface CodeExchange {
  readonly tokens: TokenSet;
  /** Claims of the validated ID Token. */
  readonly claims: Claims;
}

/** What a refresh brought. */
export interface RefreshedTokens {
  readonly accessToken: AccessToken;
  /** Undefined: the one that was used stays valid (RFC 6749 6). */
  readonly refreshToken: Secret | undefined;
  readonly idToken: Secret | undefined;
}

/** The token endpoint as the flow uses it. */
export interface TokenRequests {
  exchangeCode: (
    response: AuthorizationResponse,
    transaction: Transaction,
  ) => Promise<CodeExchange>;
  refresh: (
    refreshToken: Secret,
    target: {
      readonly resource: string | undefined;
      readonly scope: string | undefined;
    },
    first: { readonly idToken: Secret },
  ) => Promise<RefreshedTokens>;
}

/** Creates the requests; their errors are LoginKitErrors. */
export function createTokenRequests(
  config: Config,
  issuer: Issuer,
  now: () => number,
): TokenRequests {
  return {
    async exchangeCode(response, transaction) {
      const provider = await issuer();
      // Our own redirect URI and the parameters as they came: no header of the
      // request has a say in where the code was sent.
      const url = new URL(redirectUri(config));
      url.search = response.parameters.toString();
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
      requireBearer(tokens);
      const idToken = tokens.id_token ?? "";
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
      return {
        claims: tokens.claims() as unknown as Claims,
        tokens: {
          idToken: new Secret(idToken),
          refreshToken: secretOf(tokens.refresh_token),
          accessTokens: { "": toAccessToken(tokens, now()) },
        },
      };
    },
    async refresh(refreshToken, { resource, scope }, first) {
      const provider = await issuer();
      const tokens = await client
        .refreshTokenGrant(provider.configuration, refreshToken.reveal(), {
          ...(resource !== undefined && { resource }),
          ...(scope !== undefined && { scope }),
        })
        .catch((error: unknown) => {
          throw providerError(
            error,
            {
              unwell: "ERR_PROVIDER_UNAVAILABLE",
              refused: "ERR_REFRESH_REJECTED",
              invalid: "ERR_ID_TOKEN_INVALID",
            },
            "the refresh token request failed",
          );
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
        compareWithFirst(tokens.id_token, first.idToken.reveal());
      }
      return {
        accessToken: toAccessToken(tokens, now()),
        refreshToken: secretOf(tokens.refresh_token),
        idToken: secretOf(tokens.id_token),
      };
    },
  };
}

type TokenResponse = client.TokenEndpointResponse &
  client.TokenEndpointResponseHelpers;

function tokenRequestError(
  error: unknown,
  transaction: Transaction,
): LoginKitError {
  const mapped = providerError(
    error,
    {
      unwell: "ERR_PROVIDER_UNAVAILABLE",
      refused: "ERR_TOKEN_REQUEST_REJECTED",
      invalid: "ERR_ID_TOKEN_INVALID",
    },
    "the token request failed",
  );
  // openid-client compares max_age with auth_time; too old is not untrue.
  return transaction.maxAgeSeconds !== undefined &&
    mapped.message.includes("auth_time")
    ? new LoginKitError("ERR_AUTHENTICATION_TOO_WEAK", {
        message: mapped.message,
        cause: mapped.cause,
      })
    : mapped;
}

/** Any other type of token is not ours to use (RFC 6749 7.1); openid-client has lowered its case. */
function requireBearer({ token_type: tokenType }: TokenResponse): void {
  if (tokenType === "bearer") return;
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
        : receivedAt + tokens.expires_in * 1000,
    scope: tokens.scope,
  };
}

function secretOf(value: string | undefined): Secret | undefined {
  return value === undefined ? undefined : new Secret(value);
}
