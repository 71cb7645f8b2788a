/** The contract of everything that must survive a restart and be shared by processes. */
import type { Secret } from "../secret.js";

/** Claims of the ID Token and UserInfo. */
export type Claims = Readonly<Record<string, unknown>> & {
  readonly iss: string;
  readonly sub: string;
};

/** Who signed in, and how: what cannot change during a login. */
export interface Identity {
  readonly claims: Claims;
  /** The provider's session id (`sid`), when it sent one. */
  readonly providerSessionId: string | undefined;
  /** When the user authenticated (`auth_time`), if the provider said. Milliseconds since 1970. */
  readonly authenticatedAt: number | undefined;
  readonly acr: string | undefined;
}

/** What a guard needs to know. It holds no token. */
export interface LoginRecord {
  readonly identity: Identity;
  /** Milliseconds since 1970, as all times here. */
  readonly createdAt: number;
  /** The absolute end of the login. */
  readonly endsAt: number;
  /** Last recorded use; written at most every tenth of the idle timeout. */
  readonly seenAt: number;
}

/** An access token and what the provider said about it. */
export interface AccessToken {
  readonly value: Secret;
  readonly receivedAt: number;
  /** Undefined when the provider named no lifetime. */
  readonly expiresAt: number | undefined;
  readonly scope: string | undefined;
}

/** The tokens of one login. */
export interface TokenSet {
  readonly idToken: Secret;
  readonly refreshToken: Secret | undefined;
  /** By resource indicator and scope; `""` is the token that was issued without. */
  readonly accessTokens: Readonly<Record<string, AccessToken>>;
}

/** A token set with the revision that a writer must name to replace it. */
export interface StoredTokenSet {
  readonly revision: number;
  readonly tokens: TokenSet;
}

/** A login in progress: what `callback` needs of what `login` sent. */
export interface Transaction {
  readonly issuer: string;
  readonly codeVerifier: Secret;
  readonly nonce: Secret;
  readonly returnTo: string;
  readonly acrValues: readonly string[];
  /** The `max_age` that was asked for, in seconds. */
  readonly maxAgeSeconds: number | undefined;
}

/** What came of an attempt to replace a token set. */
export type ReplaceOutcome =
  | "stored"
  /** Another writer was first; read again. */
  | "conflict"
  /** The login is over; nothing was written. */
  | "ended";

/** What came of an attempt to take a lock. */
export type LockOutcome =
  | "taken"
  /** Somebody else is asking the provider. */
  | "held"
  /** The provider was unwell just now. */
  | "paused";

/**
 * Where logins, their tokens and logins in progress live.
 *
 * Keys are unguessable or derived from unguessable values. Every method
 * rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer in time.
 */
export interface LoginStore {
  putTransaction(
    key: string,
    transaction: Transaction,
    seconds: number,
  ): Promise<void>;
  /** Hands a transaction out exactly once, however many ask at the same time. */
  takeTransaction(key: string): Promise<Transaction | undefined>;

  /** Keeps an authorization response that came by POST for the GET that follows. */
  parkResponse(key: string, response: Secret, seconds: number): Promise<void>;
  /** Hands a parked response out exactly once. */
  takeResponse(key: string): Promise<Secret | undefined>;

  createLogin(id: string, login: LoginRecord, tokens: TokenSet): Promise<void>;
  readLogin(id: string): Promise<LoginRecord | undefined>;
  readTokens(id: string): Promise<StoredTokenSet | undefined>;
  /**
   * Compare-and-set on the revision; never brings an ended login back.
   *
   * The tokens exist nowhere else, and the provider may have ended the ones
   * before. So a store that does not answer is asked again for up to 30
   * seconds, longer than any other method waits.
   */
  replaceTokens(
    id: string,
    expectedRevision: number,
    tokens: TokenSet,
  ): Promise<ReplaceOutcome>;
  /** Notes that the login was used; does nothing for an ended login. */
  recordUse(id: string, seenAt: number): Promise<void>;
  /** Ends a login for good; whether there was one. */
  endLogin(id: string): Promise<boolean>;
  /** Ends a login unless its tokens have been replaced since this revision. */
  endLoginAt(id: string, revision: number): Promise<boolean>;

  /** Keeps a token of the application itself, under a name of its own. */
  putClientToken(
    name: string,
    token: AccessToken,
    seconds: number,
  ): Promise<void>;
  readClientToken(name: string): Promise<AccessToken | undefined>;

  /**
   * Takes the refresh lock of a login, so that one process asks the provider
   * for all. It saves requests; correctness comes from {@link replaceTokens}.
   */
  takeLock(
    id: string,
    owner: string,
    milliseconds: number,
  ): Promise<LockOutcome>;
  /** Prolongs a lock that is still this owner's. */
  keepLock(id: string, owner: string, milliseconds: number): Promise<boolean>;
  /** Gives a lock back if it is still this owner's; others may go at once. */
  releaseLock(id: string, owner: string): Promise<void>;
  /** Turns the owner's lock into a pause: nobody asks the provider until it is over. */
  pauseLock(id: string, owner: string, milliseconds: number): Promise<void>;

  /** Resolves when the store answers a real read. */
  ping(): Promise<void>;
}
