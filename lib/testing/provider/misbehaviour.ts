/** What the test provider can do wrong. */
import type { RequestHandler } from "express";

import type { WrongEncryption } from "./encrypt.js";
import type { PublishedKey } from "./keys.js";
import type { WrongToken } from "./signed-token.js";

/** How tokens come from the token endpoint. */
export type GrantType = "authorization_code" | "refresh_token";

/** Parameters in a query or a form. */
export type Parameters = Readonly<Record<string, string>>;

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * What is not as it should be; each member changes what would have been right.
 *
 * A new kind of fault is a new member and one call where the right thing is made.
 */
export interface Misbehaviour {
  /** Runs before the provider's own handlers: to delay, to answer instead. */
  readonly intercept?: RequestHandler;
  readonly metadata?: (right: Json) => Json;
  readonly jwks?: (right: readonly PublishedKey[]) => readonly object[];
  /** Of successful and of error responses. */
  readonly authorizationResponse?: (right: Parameters) => Parameters;
  /** Of the JWT that a signed response is. */
  readonly responseToken?: WrongToken;
  /** With `grantType`: only in the answer to that one. */
  readonly idToken?: WrongToken & { readonly grantType?: GrantType };
  /** Of ID Tokens, UserInfo, logout tokens and signed responses, where they are encrypted. */
  readonly encryption?: WrongEncryption;
  readonly tokenResponse?: (right: Json, grantType: GrantType) => Json;
  /** A string is sent as `application/jwt`. */
  readonly userinfo?: (right: Json) => Json | string;
  /** Of the token that an end-session request sends. */
  readonly logoutToken?: WrongToken;
  /** Parameters that are added to the RP's front-channel logout URI. */
  readonly frontchannelLogout?: (right: Parameters) => Parameters;
  /** Parameters that are added to the `post_logout_redirect_uri`. */
  readonly endSessionResponse?: (right: Parameters) => Parameters;
}

/**
 * A change to a right answer: members to replace, where `undefined` removes one;
 * or a function of the right answer that gives the wrong one.
 *
 * An object with the member `error` is an error response, and replaces the whole.
 */
export type Change = Json | ((right: Json) => Json);

/** What is wrong in the next answer of each kind; every other answer is right. */
export interface WrongAnswers {
  /** What the browser brings back. `{ error: "access_denied" }`: the user did not agree. */
  readonly authorizationResponse?: Change;
  /** The next ID Token: other claims, another header, a key that nobody knows. */
  readonly idToken?: WrongToken;
  /** The answer of the token endpoint. `{ error: "invalid_grant" }`: the refresh token is no good. */
  readonly tokenResponse?: Change;
  readonly userInfo?: Change;
  /** Discovery. The kit asks once and remembers the answer. */
  readonly metadata?: Change;
}
