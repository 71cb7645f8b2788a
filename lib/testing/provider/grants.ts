/** What the test provider has granted: codes, refresh tokens and access tokens. */
import { randomUUID } from "node:crypto";

import type { OpSession, ProviderClient } from "./parties.js";

/** What a user has granted to a client; of `client_credentials`, what the client may itself. */
export interface Grant {
  readonly client: ProviderClient;
  readonly sub: string;
  /** Undefined: no user is behind it. */
  readonly session: OpSession | undefined;
  readonly authTime: number;
  readonly scope: string;
  readonly acr: string | undefined;
  /** Resource indicators that tokens may be asked for (RFC 8707). */
  readonly resources: readonly string[];
  /** Thumbprint of the key that code and refresh token are bound to (`dpop_jkt`, RFC 9449 section 10); absent: none. */
  readonly jkt?: string | undefined;
}

/** A grant that waits for its token request. */
export interface AuthorizationCode {
  readonly grant: Grant;
  readonly redirectUri: string;
  readonly codeChallenge: string | undefined;
  readonly nonce: string | undefined;
}

/** An access token, as the provider remembers it. */
export interface IssuedAccessToken {
  readonly grant: Grant;
  readonly scope: string;
  /** Resource indicator of the only server that may take it. Undefined: the UserInfo endpoint. */
  readonly audience: string | undefined;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  /** Thumbprint of the key that it is bound to (RFC 9449 section 6); undefined: none. */
  readonly jkt: string | undefined;
}

interface IssuedRefreshToken {
  readonly grant: Grant;
  isUsed: boolean;
}

/** The record of everything that is granted. */
export interface Grants {
  /** Makes a code for a grant. */
  readonly addCode: (code: AuthorizationCode) => string;
  /** The code, which is then used up. */
  readonly takeCode: (code: string) => AuthorizationCode | undefined;
  /** What a code that waits stands for. */
  readonly grantOf: (code: string) => Grant | undefined;
  readonly addAccessToken: (token: string, issued: IssuedAccessToken) => void;
  /** What the provider knows of an access token, expired or not. */
  readonly accessToken: (token: string) => IssuedAccessToken | undefined;
  /** Access tokens of a session, oldest first. */
  readonly accessTokensOf: (sid: string) => IssuedAccessToken[];
  readonly addRefreshToken: (grant: Grant) => string;
  /**
   * The grant of a refresh token that was not used before.
   *
   * One that was used is in wrong hands: all tokens of its grant end
   * (RFC 9700 section 4.14.2).
   *
   * @param rotates - whether the token is then used up
   */
  readonly takeRefreshToken: (
    token: string,
    client: ProviderClient,
    rotates: boolean,
  ) => Grant | undefined;
  readonly revoke: (token: string) => void;
}

/** Begins with nothing granted. */
export function createGrants(): Grants {
  const codes = new Map<string, AuthorizationCode>();
  const refreshTokens = new Map<string, IssuedRefreshToken>();
  const accessTokens = new Map<string, IssuedAccessToken>();

  return {
    addCode(code) {
      const value = randomUUID();
      codes.set(value, code);
      return value;
    },
    takeCode(value) {
      const code = codes.get(value);
      codes.delete(value);
      return code;
    },
    grantOf: (code) => codes.get(code)?.grant,
    addAccessToken(token, issued) {
      accessTokens.set(token, issued);
    },
    accessToken: (token) => accessTokens.get(token),
    accessTokensOf: (sid) =>
      [...accessTokens.values()].filter(
        ({ grant }) => grant.session?.sid === sid,
      ),
    addRefreshToken(grant) {
      const token = randomUUID();
      refreshTokens.set(token, { grant, isUsed: false });
      return token;
    },
    takeRefreshToken(token, client, rotates) {
      const issued = refreshTokens.get(token);
      if (issued?.grant.client !== client) return undefined;
      if (issued.isUsed) {
        forget(refreshTokens, issued.grant);
        forget(accessTokens, issued.grant);
        return undefined;
      }
      issued.isUsed = rotates;
      return issued.grant;
    },
    revoke(token) {
      accessTokens.delete(token);
      refreshTokens.delete(token);
    },
  };
}

function forget(
  tokens: Map<string, { readonly grant: Grant }>,
  gone: Grant,
): void {
  for (const [token, { grant }] of tokens) {
    if (grant === gone) tokens.delete(token);
  }
}
