/** Refreshes the tokens of a login (RFC 6749 6, Core 12). */
import { decodeJwt } from "jose";
import * as client from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { Secret } from "../base/secret.js";
import { witness } from "../telling/witness.js";
import type { IssuedToken, TokenSet } from "../stores/login-store.js";
import type { Discover, DiscoveredProvider } from "./discovery.js";
import {
  checkIdToken,
  compareWithFirst,
  isOfAnotherLogin,
} from "./id-token.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { newProofKey } from "./proof-keys.js";
import { tenantRefusal } from "./tenants.js";
import {
  refreshError,
  requestError,
  tokenResponseFaultOf,
} from "./token-request-errors.js";
import { openedIdToken, REFRESHED_ID_TOKEN } from "./token-response.js";
import {
  issuedToken,
  parametersOf,
  secretOf,
  type TokenResponse,
  type TokenTarget,
} from "./token-target.js";

/**
 * What a refresh brought. Whatever was wrong with it, its refresh token has
 * to be kept: the one before may be spent.
 */
export type RefreshedTokens = {
  /** Undefined: the one that was used stays valid (RFC 6749 6). */
  readonly refreshToken: Secret | undefined;
  /** What the new tokens are bound to, where those before were not. */
  readonly proofKey?: Secret;
} & (
  | {
      readonly accessToken: IssuedToken;
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

/** Asks with the refresh token; compares a new ID Token with the first (Core 12.2). Rejects when no new tokens came. */
export type Refresh = (
  tokens: TokenSet,
  target: TokenTarget,
) => Promise<RefreshedTokens>;

/** Creates the function. */
export function createRefreshRequests(
  config: ProviderConfig,
  discover: Discover,
  now: () => number,
): Refresh {
  return async function refresh(before, target) {
    const { refreshToken, idToken } = before;
    if (refreshToken === undefined) {
      throw new LoginKitError("ERR_NO_ACCESS_TOKEN");
    }
    const provider = await discover();
    // A refresh token may be good for one use. What the check of the answer
    // needs is there before it is spent.
    if (!provider.keys.fresh) await reloadKeys(provider);
    const { patientConfiguration, proofs } = provider;
    const proofKey =
      before.proofKey ?? (await keyWhereItMustBeBound(provider, config));
    let tokens: TokenResponse;
    try {
      tokens = await client.refreshTokenGrant(
        patientConfiguration,
        refreshToken.reveal(),
        parametersOf(target),
        await proofs.by(patientConfiguration, proofKey),
      );
    } catch (error) {
      const fault = refreshError(error);
      const newToken = tokenResponseFaultOf(error)?.refreshToken;
      if (newToken === undefined) throw fault;
      return { accessToken: undefined, refreshToken: newToken, fault };
    }
    const accessToken = issuedToken(tokens, now(), proofKey);
    const first = idToken.reveal();
    return {
      refreshToken: secretOf(tokens.refresh_token),
      ...(accessToken.proofKey && { proofKey: accessToken.proofKey }),
      ...(await judged(tokens, accessToken, first, provider, config, now)),
    };
  };
}

/** A login from before the option was set gets its key now. */
async function keyWhereItMustBeBound(
  { senderConstraint: { algorithm } }: DiscoveredProvider,
  { senderConstrained }: ProviderConfig,
): Promise<Secret | undefined> {
  return senderConstrained === "always" && algorithm !== undefined
    ? newProofKey(algorithm)
    : undefined;
}

async function reloadKeys({ keys }: DiscoveredProvider): Promise<void> {
  try {
    await keys.reload();
  } catch (error) {
    throw requestError(error, "the provider's keys are not to be had");
  }
}

/** Judges what a refresh brought; a fault of its ID Token costs that ID Token alone. */
async function judged(
  tokens: TokenResponse,
  accessToken: IssuedToken,
  firstIdToken: string,
  provider: DiscoveredProvider,
  config: ProviderConfig,
  now: () => number,
): Promise<
  | { accessToken: IssuedToken; idToken?: Secret; fault?: LoginKitError }
  | { accessToken: undefined; fault: LoginKitError }
> {
  const sent = tokens[REFRESHED_ID_TOKEN];
  if (sent === undefined) return { accessToken };
  try {
    if (typeof sent !== "string") throw idTokenIsNoText();
    const idToken = await openedIdToken(sent, config);
    if (isOfAnotherLogin(idToken, firstIdToken)) {
      witness()?.failed("same_user");
      return { accessToken: undefined, fault: ofAnotherLogin() };
    }

    const expected = {
      idToken,
      accessToken: tokens.access_token,
      acrValues: [],
    };
    await checkIdToken(expected, provider, config, now);
    compareWithFirst(idToken, firstIdToken);
    witness()?.passed("same_user");
    const { iss = "" } = decodeJwt(idToken);
    const refusal = await tenantRefusal(iss, config);
    if (refusal !== undefined) {
      return { accessToken: undefined, fault: refusal };
    }
    return { accessToken, idToken: new Secret(idToken) };
  } catch (error) {
    if (!(error instanceof LoginKitError)) throw error;
    return { accessToken, fault: error };
  }
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
