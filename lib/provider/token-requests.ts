/** Requests to the token endpoint, and the revocation of what they brought. */
import * as client from "openid-client";
import type { Config } from "../config/config.js";
import { LoginKitError } from "../base/errors.js";
import type {
  AccessToken,
  Claims,
  TokenOrigin,
  TokenSet,
  Transaction,
} from "../stores/login-store.js";
import { Secret } from "../base/secret.js";
import { redirectUri } from "./authorization-request.js";
import type { AuthorizationResponse } from "./authorization-response.js";
import { explained } from "./explain.js";
import {
  checkIdToken,
  compareWithFirst,
  isOfAnotherLogin,
} from "./id-token.js";
import type { Issuer, Provider } from "./issuer.js";
import { oauthErrorOf } from "./provider-errors.js";
import {
  codeExchangeError,
  refreshError,
  requestError,
  tokenResponseFaultOf,
} from "./token-request-errors.js";
import { REFRESHED_ID_TOKEN } from "./token-response.js";

/** What a code was exchanged for. */
export interface CodeExchange {
  readonly tokens: TokenSet;
  /** Claims of the validated ID Token. */
  readonly claims: Claims;
  readonly origin: TokenOrigin;
}

/**
 * What a refresh brought. Whatever was wrong with it, its refresh token has
 * to be kept: the one before may be spent.
 */
export type RefreshedTokens = {
  /** Undefined: the one that was used stays valid (RFC 6749 6). */
  readonly refreshToken: Secret | undefined;
} & (
  | {
      readonly accessToken: AccessToken;
      /** A new ID Token that passed all checks. */
      readonly idToken?: Secret;
      /** Why the new ID Token was dropped. */
      readonly fault?: LoginKitError;
    }
  | {
      readonly accessToken: undefined;
      /** Why there is no access token that may be used. */
      readonly fault: LoginKitError;
    }
);

/** The token endpoint as the flow uses it. */
export interface TokenRequests {
  /** Redeems the code. `giveBack` gets the tokens whose answer is refused. */
  exchangeCode: (
    response: AuthorizationResponse,
    transaction: Transaction,
    giveBack: (subject: string, tokens: TokenSet) => void,
  ) => Promise<CodeExchange>;
  /** Asks with the refresh token; compares a new ID Token with the first (Core 12.2). Rejects when no new tokens came. */
  refresh: (tokens: TokenSet, target: TokenTarget) => Promise<RefreshedTokens>;
  /** Asks with an access token of the login (RFC 8693). */
  exchange: (
    subject: Secret,
    target: TokenTarget,
  ) => Promise<RefreshedTokens & { readonly accessToken: AccessToken }>;
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

type TokenResponse = client.TokenEndpointResponse &
  client.TokenEndpointResponseHelpers;

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
        throw codeExchangeError(error, transaction);
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

  /** Judges what a refresh brought; a fault of its ID Token costs that ID Token alone. */
  const judged = async (
    tokens: TokenResponse,
    firstIdToken: Secret,
    provider: Provider,
  ): Promise<RefreshedTokens> => {
    const refreshToken = secretOf(tokens.refresh_token);
    const accessToken = toAccessToken(tokens, now());
    const idToken = tokens[REFRESHED_ID_TOKEN];
    if (idToken === undefined) return { accessToken, refreshToken };
    try {
      if (typeof idToken !== "string") throw idTokenIsNoText();
      if (isOfAnotherLogin(idToken, firstIdToken.reveal())) {
        const fault = ofAnotherLogin();
        return { accessToken: undefined, refreshToken, fault };
      }
      await checkIdToken(
        { idToken, accessToken: tokens.access_token, acrValues: [] },
        provider,
        config,
        now,
      );
      compareWithFirst(idToken, firstIdToken.reveal());
      return { accessToken, refreshToken, idToken: new Secret(idToken) };
    } catch (error) {
      if (!(error instanceof LoginKitError)) throw error;
      return { accessToken, refreshToken, fault: error };
    }
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
      let tokens: TokenResponse;
      try {
        tokens = await client.refreshTokenGrant(
          provider.patientConfiguration,
          refreshToken.reveal(),
          parametersOf(target),
        );
      } catch (error) {
        const fault = refreshError(error);
        const newToken = tokenResponseFaultOf(error)?.refreshToken;
        if (newToken === undefined) throw fault;
        return { accessToken: undefined, refreshToken: newToken, fault };
      }
      return judged(tokens, idToken, provider);
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
          if (NOTHING_TO_REVOKE.has(oauthErrorOf(error)?.error ?? "")) return;
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

/**
 * Errors of a revocation after which the token is no good anyway: the provider
 * revokes none of its kind, which just run out (RFC 7009 2.2.1), or it is gone
 * already, for which some providers have an error although 2.2 wants 200.
 */
const NOTHING_TO_REVOKE = new Set([
  "unsupported_token_type",
  "invalid_token",
  "invalid_grant",
]);

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

function idTokenIsNoText(): LoginKitError {
  return new LoginKitError("ERR_ID_TOKEN_INVALID", {
    message: "after a refresh the ID Token is not a text",
  });
}

function ofAnotherLogin(): LoginKitError {
  return new LoginKitError("ERR_ID_TOKEN_INVALID", {
    message:
      "the ID Token was refused: after a refresh it names another issuer, subject or audience",
  });
}

function secretOf(value: string | undefined): Secret | undefined {
  return value === undefined ? undefined : new Secret(value);
}
