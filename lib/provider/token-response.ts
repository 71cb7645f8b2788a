/** Reads what the token endpoint answers, before openid-client does: mends what is harmless, names what is wrong. */
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { Secret } from "../base/secret.js";
import { type Encryption, opened } from "./decryption.js";
import {
  jsonObject,
  withoutEmptyMembers,
  type JsonObject,
} from "./json-object.js";
import type { ProviderConfig } from "../config/provider-config.js";
import type { LimitedFetch } from "./limited-fetch.js";
import { refusalOf } from "./refusal.js";
import { secretsSent, withoutSecrets } from "../outgoing/sent-secrets.js";

/**
 * Where the ID Token of a refresh is found. openid-client would refuse the
 * whole answer for a fault of it, and the new refresh token would be lost.
 */
export const REFRESHED_ID_TOKEN = "refreshed_id_token";

/** The token endpoint answered 200 or the like, and not as RFC 6749 5.1 says. */
export class TokenResponseFault extends Error {
  /** False: it is no token response at all, but a page or the like. */
  readonly isTokenResponse: boolean;
  /** The new refresh token, which is good all the same. */
  readonly refreshToken: Secret | undefined;

  constructor(message: string, response?: JsonObject) {
    super(message);
    this.name = "TokenResponseFault";
    this.isTokenResponse = response !== undefined;
    this.refreshToken = isText(response?.["refresh_token"])
      ? new Secret(response["refresh_token"])
      : undefined;
  }
}

/** A fetch whose answers to token requests can be relied on; others go through as they are. */
export function readingTokenResponses(
  fetch: LimitedFetch,
  config: Pick<ProviderConfig, "senderConstrained"> & Encryption,
): LimitedFetch {
  return async function fetchTokens(url, request) {
    const response = await fetch(url, request);
    const grantType = grantTypeOf(request.body);
    if (grantType === undefined || response.status >= 400) return response;
    if (response.status !== 200) {
      throw new TokenResponseFault(
        `the token endpoint answered ${String(response.status)}`,
      );
    }
    const text = await response.text();
    const secrets = secretsSent(request.headers, request.body);
    const body = jsonObject(text);
    if (body === undefined) {
      throw new TokenResponseFault(
        "the token endpoint answered no JSON object",
      );
    }
    const right = withoutEmptyMembers(body);
    if (right["access_token"] === undefined && isText(right["error"])) {
      // An error although the status says 200, as some providers send it.
      const refused = new Response(null, { status: 400 });
      return refusalOf(refused, text, secrets, true);
    }
    const types = typesFor(
      grantType,
      new Headers(request.headers).has("dpop"),
      config.senderConstrained === "always",
    );
    const read = readTokenResponse(right, grantType, types, secrets);
    const { id_token: idToken } = read;
    return Response.json({
      ...read,
      id_token: isText(idToken)
        ? await openedIdToken(idToken, config)
        : idToken,
    });
  };
}

/**
 * The signed ID Token. Openers further down would see the encrypted one again,
 * and as a hint the provider wants it opened (Core 3.1.2.1).
 *
 * @throws {LoginKitError} `ERR_ID_TOKEN_INVALID`, `ERR_PROVIDER_UNAVAILABLE`
 */
export async function openedIdToken(
  idToken: string,
  encryption: Encryption,
): Promise<string> {
  try {
    return await opened(idToken, "idToken", encryption);
  } catch (error) {
    if (error instanceof LoginKitError) throw error;
    throw new LoginKitError("ERR_ID_TOKEN_INVALID", {
      message: `the ID Token was refused: ${(error as Error).message}`,
    });
  }
}

function grantTypeOf(body: unknown): string | undefined {
  return typeof body === "string" || body instanceof URLSearchParams
    ? (new URLSearchParams(body).get("grant_type") ?? undefined)
    : undefined;
}

/**
 * Types of token that answer a request. One for bound tokens is not answered
 * with others, or whoever stands in between could unbind them (RFC 9449 5); at
 * login a provider that binds none for this client may say so.
 */
function typesFor(
  grantType: string,
  isProven: boolean,
  mustBeBound: boolean,
): readonly string[] {
  if (mustBeBound) return isProven ? ["DPoP"] : [];
  if (!isProven) return ["Bearer"];
  return grantType === "authorization_code" ? ["DPoP", "Bearer"] : ["DPoP"];
}

/** What RFC 6749 A.12 allows less the space: anything else breaks the header it is sent in. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

function readTokenResponse(
  response: JsonObject,
  grantType: string,
  types: readonly string[],
  secrets: readonly string[],
): JsonObject {
  const {
    access_token: accessToken,
    token_type: tokenType,
    expires_in: expiresIn,
    refresh_token: refreshToken,
    id_token: idToken,
    scope,
    ...others
  } = response;
  if (
    accessToken === undefined &&
    !("token_type" in response || "refresh_token" in response)
  ) {
    throw new TokenResponseFault("the token endpoint answered no tokens");
  }
  const fault = (message: string): TokenResponseFault =>
    new TokenResponseFault(`the token response is wrong: ${message}`, response);
  if (!isText(accessToken)) throw fault("access_token is not a text");
  if (!HEADER_TEXT.test(accessToken)) {
    throw fault("the access token has characters that no token has");
  }
  // Any other type of token is not ours to use (RFC 6749 7.1).
  if (!isText(tokenType)) throw fault("token_type is not a text");
  const isOfType = (type: string): boolean =>
    type.toLowerCase() === tokenType.toLowerCase();
  if (types.length === 0) {
    throw fault("it has to be bound to a key, and none was proven");
  }
  if (!types.some(isOfType)) {
    throw fault(
      `token_type is ${printable(withoutSecrets(tokenType, secrets))}, not ${types.join(" or ")}`,
    );
  }
  if (refreshToken !== undefined && !isText(refreshToken)) {
    throw fault("refresh_token is not a text");
  }
  const seconds = lifetimeOf(expiresIn);
  if (Number.isNaN(seconds))
    throw fault("expires_in is not a number of seconds");
  const scopes =
    Array.isArray(scope) && scope.every(isText) ? scope.join(" ") : scope;
  if (scopes !== undefined && !isText(scopes))
    throw fault("scope is not a text");
  return {
    ...others,
    access_token: accessToken,
    token_type: tokenType,
    expires_in: seconds,
    refresh_token: refreshToken,
    scope: scopes,
    id_token: grantType === "authorization_code" ? idToken : undefined,
    [REFRESHED_ID_TOKEN]: grantType === "refresh_token" ? idToken : undefined,
  };
}

/** Longest life of an access token that is believed, in seconds: a year. */
const LONGEST_LIFE = 365 * 24 * 60 * 60;

/** Whole seconds; NaN where it is no number of seconds. Some providers send it as text. */
function lifetimeOf(expiresIn: unknown): number | undefined {
  if (expiresIn === undefined) return undefined;
  const seconds =
    isText(expiresIn) && /^\d+(?:\.\d*)?$/.test(expiresIn)
      ? Number(expiresIn)
      : expiresIn;
  return typeof seconds === "number" && seconds >= 0
    ? Math.floor(Math.min(seconds, LONGEST_LIFE))
    : NaN;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
