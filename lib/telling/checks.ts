/** The one table of the checks that a login passes: what they are called where they are told. */

/** One check. */
export interface CheckText {
  readonly title: string;
  readonly specification: string;
}

/** A check, in the order in which they are made. */
export type CheckName =
  | "same_browser"
  | "first_use"
  | "state"
  | "redirect_uri"
  | "response_signature"
  | "response_iss"
  | "token_response"
  | "typ"
  | "alg"
  | "signature"
  | "iss"
  | "aud"
  | "azp"
  | "exp"
  | "iat"
  | "nonce"
  | "auth_time"
  | "sub"
  | "at_hash"
  | "acr"
  | "userinfo_sub"
  | "same_user"
  | "events"
  | "jti";

/** What each is called, and where it is asked for. */
export const CHECKS: Readonly<Record<CheckName, CheckText>> = {
  same_browser: {
    title: "the browser that began this login brings the answer",
    specification: "RFC 6749 10.12",
  },
  first_use: {
    title: "the login is answered for the first time",
    specification: "RFC 9700 2.1.2",
  },
  state: {
    title: "state is the one that was sent",
    specification: "RFC 6749 4.1.2",
  },
  redirect_uri: {
    title: "the answer came to the redirect URI of the provider that was asked",
    specification: "RFC 9700 4.4.2.2",
  },
  response_signature: {
    title:
      "the answer is signed by the provider, for this client, and has not expired",
    specification: "JWT Secured Authorization Response Mode 2.4",
  },
  response_iss: {
    title: "iss, where the provider sends it, is the provider that was asked",
    specification: "RFC 9207 2.4",
  },
  token_response: {
    title: "the answer is a token response with a Bearer token",
    specification: "RFC 6749 5.1",
  },
  typ: {
    title: "it is a token of the right kind",
    specification: "RFC 8725 3.11",
  },
  alg: {
    title: "it is signed by the algorithm that is configured",
    specification: "OpenID Connect Core 3.1.3.7 (7)",
  },
  signature: {
    title: "the signature fits to a key of the provider",
    specification: "OpenID Connect Core 3.1.3.7 (6)",
  },
  iss: {
    title: "iss is the provider",
    specification: "OpenID Connect Core 3.1.3.7 (2)",
  },
  aud: {
    title: "aud contains client_id, and nobody who is not trusted",
    specification: "OpenID Connect Core 3.1.3.7 (3)",
  },
  azp: {
    title: "azp, where it is there, is client_id",
    specification: "OpenID Connect Core 3.1.3.7 (5)",
  },
  exp: {
    title: "it has not expired",
    specification: "OpenID Connect Core 3.1.3.7 (9)",
  },
  iat: {
    title: "it was not issued in the future",
    specification: "OpenID Connect Core 3.1.3.7 (10)",
  },
  nonce: {
    title: "nonce is the one that was sent",
    specification: "OpenID Connect Core 3.1.3.7 (11)",
  },
  auth_time: {
    title: "the user has authenticated as recently as was asked",
    specification: "OpenID Connect Core 3.1.3.7 (13)",
  },
  sub: {
    title: "sub names a user",
    specification: "OpenID Connect Core 2",
  },
  at_hash: {
    title: "at_hash, where it is there, fits to the access token",
    specification: "OpenID Connect Core 3.1.3.8",
  },
  acr: {
    title: "the user has authenticated as strongly as was asked",
    specification: "OpenID Connect Core 3.1.3.7 (12)",
  },
  userinfo_sub: {
    title: "UserInfo speaks of the same user",
    specification: "OpenID Connect Core 5.3.2",
  },
  same_user: {
    title: "the new ID Token speaks of the same login",
    specification: "OpenID Connect Core 12.2",
  },
  events: {
    title: "events tells of a logout, and there is no nonce",
    specification: "OpenID Connect Back-Channel Logout 2.6",
  },
  jti: {
    title: "this Logout Token was not used before",
    specification: "OpenID Connect Back-Channel Logout 2.6",
  },
};
