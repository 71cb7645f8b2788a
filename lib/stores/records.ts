/** The records that survive a restart and are shared by processes. */
import type { Secret } from "../base/secret.js";

/**
 * Gives the browser's part of the key that the tokens of its login are sealed
 * under: the session id, which only its cookie holds. Asked only where tokens
 * need it. Undefined: the browser is not there.
 */
export type BrowserPart = () => Secret | undefined;

/** Claims of the ID Token and UserInfo. */
export type Claims = Readonly<Record<string, unknown>> & {
  readonly iss: string;
  readonly sub: string;
};

/** Who signed in, and how: what cannot change during a login, but for claims that are renewed. */
export interface Identity {
  /** The name of the provider, by the option `providers`. */
  readonly provider: string;
  /** `iss`, `sub`, `auth_time`, `acr` and `amr` are always those of the login. */
  readonly claims: Claims;
  /** The provider's session id (`sid`), when it sent one. */
  readonly providerSessionId: string | undefined;
  /** When the user authenticated (`auth_time`), if the provider said. Milliseconds since 1970. */
  readonly authenticatedAt: number | undefined;
  readonly acr: string | undefined;
  /** What the provider's session check compares (`session_state`), when it sent one. */
  readonly sessionState: string | undefined;
  /** What the provider posted about the user beside its answer; absent: nothing. Not signed. */
  readonly unverifiedUser?: Readonly<Record<string, unknown>> | undefined;
}

/** What a guard needs to know. It holds no token. */
export interface LoginRecord {
  readonly identity: Identity;
  /** Milliseconds since 1970, as all times here. */
  readonly createdAt: number;
  /** The absolute end of the login. */
  readonly endsAt: number;
  /** Last recorded use; written at most every tenth of the idle timeout. Undefined: the browser has not come back with it yet. */
  readonly seenAt: number | undefined;
  /** What the browser said at login, if the application wants it kept. */
  readonly device: Device | undefined;
  /** What was granted at login (RFC 6749 3.3); absent: nobody knows. */
  readonly scope?: string | undefined;
  /** What was asked for and not granted; absent: nothing. */
  readonly refusedScope?: string | undefined;
  /** What was granted beside scope (`authorization_details`, RFC 9396 7); absent: the provider told of nothing. */
  readonly authorizationDetails?: readonly object[] | undefined;
  /** What the application gave to `kit.startLogin`; absent: nothing. */
  readonly state?: Readonly<Record<string, unknown>> | undefined;
  /** When the claims were asked for; absent: at login. */
  readonly claimsAt?: number;
  /** What the application keeps with the login: JSON. Absent: nothing. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Where a login was made, for users who look through their logins. Untrusted. */
export interface Device {
  readonly userAgent: string | undefined;
  /** The IP address, as far as Express trusts it (`trust proxy`). */
  readonly address: string | undefined;
}

/**
 * Logins that end together: those of a user, those of one session at the
 * provider (`sid`), or those of a user whose session was not named.
 */
export type LoginGroup = {
  readonly provider: string;
  readonly issuer: string;
} & (
  | { readonly subject: string }
  | { readonly providerSessionId: string }
  | { readonly subjectWithoutSession: string }
);

/** When the tokens of a new login were made: which logouts they are older than. */
export interface TokenOrigin {
  /** When the token request began, by our clock. */
  readonly requestedAt: number;
  /** `iat` of the ID Token, by the provider's clock. */
  readonly issuedAt: number;
}

/** A logout that logins which are just being completed must not survive. */
export interface LogoutMark {
  /** When it came, by our clock. */
  readonly at: number;
  /** When the provider said so (`iat` of the Logout Token), by its clock; undefined for our own. */
  readonly issuedAt: number | undefined;
}

/** A login as it was when it ended. */
export interface EndedLogin {
  readonly id: string;
  readonly record: LoginRecord;
  /** Undefined when they were sealed under a secret that is no longer known, or need the cookie of a browser that is not there. */
  readonly tokens: TokenSet | undefined;
  /** Of its tokens. 0: its sign-in was not completed, and nobody was told of it. */
  readonly revision: number;
}

/**
 * How long the store can still say what a login was that has ended, in
 * milliseconds: as long as somebody who ended it may ask for the answer.
 */
export const REMAINS_MS = 60_000;

/** How long a login that is being made waits for its last step, in milliseconds: longer than the store may take. */
export const PENDING_MS = 120_000;

/**
 * How long a login waits for its first use, in milliseconds. Nobody has it whose
 * browser left before the answer came.
 */
export const UNUSED_MS = 600_000;

/** A login with its id. */
export interface ListedLogin {
  readonly id: string;
  readonly record: LoginRecord;
}

/** An access token and what the provider said about it. */
export interface IssuedToken {
  readonly value: Secret;
  /** How it is put on a request (RFC 6749 7.1). */
  readonly type: string;
  readonly receivedAt: number;
  /** Undefined when the provider named no lifetime. */
  readonly expiresAt: number | undefined;
  readonly scope: string | undefined;
  /** The private JWK that it is bound to (`type` is `DPoP`); absent: none. */
  readonly proofKey?: Secret;
}

/** The tokens of one login. */
export interface TokenSet {
  /** That of the login: later ones are compared with it. */
  readonly idToken: Secret;
  /** The newest one that a refresh brought; absent: none. For the provider's logout, which may refuse an old one. */
  readonly newestIdToken?: Secret;
  readonly refreshToken: Secret | undefined;
  /** By resource indicator and scope; `""` is the token that was issued without. */
  readonly accessTokens: Readonly<Record<string, IssuedToken>>;
  /** The private JWK that the tokens are bound to (RFC 9449); absent: they are not. */
  readonly proofKey?: Secret;
}

/** A token set with the revision that a writer must name to replace it. */
export interface StoredTokenSet {
  readonly revision: number;
  readonly tokens: TokenSet;
}

/** A login in progress: what `callback` needs of what `login` sent. */
export interface Transaction {
  /** The name of the provider that was asked. */
  readonly provider: string;
  /** Its issuer, with the place of the tenant where it has tenants. */
  readonly issuer: string;
  /** The origin that the browser came to, and comes back to. */
  readonly baseUrl: string;
  /** What the answer has to name. */
  readonly state: Secret;
  readonly codeVerifier: Secret;
  readonly nonce: Secret;
  /** The private JWK that the tokens are to be bound to (RFC 9449); absent: none. */
  readonly proofKey?: Secret;
  readonly returnTo: string;
  readonly acrValues: readonly string[];
  /** The `max_age` that was asked for, in seconds. */
  readonly maxAgeSeconds: number | undefined;
  /** Whether the provider was to ask the user nothing (`prompt=none`). */
  readonly isSilent: boolean;
  /** The scope that was asked for; absent: the configured one. */
  readonly scope?: string | undefined;
  /** What the application wants to find with the login; absent: nothing. */
  readonly applicationState?: Readonly<Record<string, unknown>> | undefined;
}

/** What there is of a sign-in that was begun. */
export interface TakenTransaction {
  /** All that anybody else than its owner is told. */
  readonly returnTo: string;
  /** To its owner, the first time. */
  readonly transaction: Transaction | undefined;
  /** To its owner, afterwards: what came of it, or that this is still open. Undefined: nobody knows any more. */
  readonly outcome: Secret | "pending" | undefined;
}
