/** Whom the test provider knows: clients as they are registered, and users who are signed in. */
import type { JsonWebKey } from "node:crypto";

import type { Claims } from "./signed-token.js";

/** Addresses that are allowed, to the letter. */
export type Registered = readonly string[] | "any";

/** A relying party as it is registered. */
export interface ProviderClient {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: Registered;
  /** Default: none. */
  readonly postLogoutRedirectUris?: Registered;
  readonly backchannelLogoutUri?: string;
  readonly frontchannelLogoutUri?: string;
  /** Whether `iss` and `sid` are added to `frontchannelLogoutUri`. Default false. */
  readonly frontchannelLogoutSessionRequired?: boolean;
  /** Of ID Tokens and logout tokens; `ML-DSA-44` from Node.js 24.7 on. Default RS256. */
  readonly idTokenSignedResponseAlg?: string;
  /** Default: `client_secret_basic` or `client_secret_post`. */
  readonly tokenEndpointAuthMethod?:
    | "client_secret_basic"
    | "client_secret_post"
    | "client_secret_jwt"
    | "private_key_jwt"
    | "none";
  /** What the assertions of `private_key_jwt`, and signed requests, are signed with, the public part. */
  readonly publicKey?: JsonWebKey;
  /** Its public key: ID Tokens and logout tokens are encrypted for it. Default: they are not. */
  readonly encryptionKey?: JsonWebKey;
  /** Whether UserInfo is a signed JWT that is encrypted for it as well. Default false. */
  readonly encryptsUserInfo?: boolean;
  /** Whether signed authorization responses (JARM) are encrypted for it as well. Default false. */
  readonly encryptsResponses?: boolean;
  /** The one audience that client assertions may have, or its address. Default `issuer`. */
  readonly assertionAudience?:
    "issuer" | "token_endpoint" | `https://${string}`;
}

/** Someone's session at the provider. */
export interface OpSession {
  readonly sid: string;
  readonly sub: string;
  /** Claims of the user, for ID Tokens and UserInfo. */
  readonly claims: Claims;
  /** Seconds since the epoch. */
  authTime: number;
  /** What the check-session iframe compares. */
  readonly browserState: string;
  /** Who was given an ID Token of this session. */
  readonly clients: Set<ProviderClient>;
  /** What the user has agreed to. */
  readonly consents: Set<string>;
}

/** Whether a value is among those that are allowed. */
export function isRegistered(
  registered: Registered | undefined,
  value: string,
): boolean {
  return registered === "any" || registered?.includes(value) === true;
}
