/** The contract of everything that must survive a restart and be shared by processes. */
import type { Secret } from "../base/secret.js";

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
  /** What the provider's session check compares (`session_state`), when it sent one. */
  readonly sessionState: string | undefined;
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
export type LoginGroup =
  | { readonly issuer: string; readonly subject: string }
  | { readonly issuer: string; readonly providerSessionId: string }
  | { readonly issuer: string; readonly subjectWithoutSession: string };

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
  /** Undefined when they were sealed under a secret that is no longer known. */
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

/** Who wants to know of logins that end. */
export interface EndWatcher {
  /** A login ended, in whatever process. */
  readonly ended: (id: string) => void;
  /** Some endings may not have been told: look yourself. */
  readonly missed: () => void;
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
  /** Whether the provider was to ask the user nothing (`prompt=none`). */
  readonly isSilent: boolean;
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
  | "paused"
  /**
   * The lock is free, but its last owner has neither stored new tokens nor
   * given it back: a process that died, or one that the store was away from.
   */
  | { readonly leftBy: string };

/**
 * Where logins, their tokens and logins in progress live.
 *
 * Keys are unguessable or derived from unguessable values. Every method
 * rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer in time.
 */
export interface LoginStore {
  /**
   * Keeps a sign-in in progress.
   *
   * @param owner what the browser that began it proves itself with
   */
  putTransaction(
    key: string,
    owner: string,
    transaction: Transaction,
    seconds: number,
  ): Promise<void>;
  /**
   * Hands a transaction out to its owner exactly once, however many ask at the
   * same time; the others learn what came of it.
   *
   * @param seconds how long its outcome is waited for
   */
  takeTransaction(
    key: string,
    owner: string,
    seconds: number,
  ): Promise<TakenTransaction | undefined>;
  /** Keeps what came of a transaction that this owner has taken. */
  keepOutcome(
    key: string,
    owner: string,
    outcome: Secret,
    seconds: number,
  ): Promise<void>;

  /** Keeps an authorization response that came by POST for the GET that follows. */
  parkResponse(key: string, response: Secret, seconds: number): Promise<void>;
  /** Hands a parked response out exactly once. */
  takeResponse(key: string): Promise<Secret | undefined>;

  /**
   * Prepares a login, and enters it among its user's and its provider session's.
   * It is not live: nobody reads it, but whoever ends those of its group ends it
   * too. Kept for {@link PENDING_MS}.
   *
   * @returns how many logins the user has now, this one included
   */
  createLogin(
    id: string,
    login: LoginRecord,
    tokens: TokenSet,
  ): Promise<number>;
  /**
   * Makes a prepared login live; asked again, it says the same. One that was
   * never used is kept for {@link UNUSED_MS}.
   *
   * @returns false when it was ended meanwhile, or a logout came that its tokens
   * are older than: then nothing is kept
   */
  activateLogin(
    id: string,
    login: LoginRecord,
    origin: TokenOrigin,
  ): Promise<boolean>;
  readLogin(id: string): Promise<LoginRecord | undefined>;
  readTokens(id: string): Promise<StoredTokenSet | undefined>;
  /**
   * The tokens as they were when the login was read a moment ago, if they need
   * not be asked for. Good for using an access token; not for replacing it.
   */
  recentTokens(id: string): StoredTokenSet | undefined;
  /**
   * Compare-and-set on the revision; never brings an ended login back.
   *
   * The tokens exist nowhere else, and the provider may have ended the ones
   * before. So a store that does not answer is asked again for up to ten
   * minutes, longer than any other method waits; no longer once `stop` is
   * aborted. Whoever held the login's lock need not be waited for afterwards.
   */
  replaceTokens(
    id: string,
    expectedRevision: number,
    tokens: TokenSet,
    stop?: AbortSignal,
  ): Promise<ReplaceOutcome>;
  /** Notes that the login was used, and keeps it until its absolute end; does nothing for one that is not live. */
  recordUse(id: string, seenAt: number, endsAt: number): Promise<void>;
  /**
   * Ends a login for good, and tells every process. Undefined: there was none.
   *
   * Whoever got no answer asks again as the same `ender`, and gets the same
   * answer for {@link REMAINS_MS}; nobody else does. Default: a name of its own.
   */
  endLogin(id: string, ender?: string): Promise<EndedLogin | undefined>;
  /** The same, unless its tokens have been replaced since this revision. */
  endLoginAt(
    id: string,
    revision: number,
    ender?: string,
  ): Promise<EndedLogin | undefined>;
  /**
   * What remains of a login that ended a moment ago, whoever ended it; kept for
   * {@link REMAINS_MS}. It opens nothing any more.
   */
  remainsOf(id: string): Promise<EndedLogin | undefined>;

  /** A group's live logins, the one that ends first first; forgets what leads to none. Some may have timed out. */
  listLogins(group: LoginGroup): Promise<readonly ListedLogin[]>;
  /** The ids of a group's logins, the one that ends first first, also of those that are being made. Some may be over. */
  loginsOf(group: LoginGroup): Promise<readonly string[]>;
  /**
   * The same, and from now on no login of the group becomes live whose
   * tokens are older than this logout. The mark is kept for so many seconds.
   */
  refuseLogins(
    group: LoginGroup,
    mark: LogoutMark,
    seconds: number,
  ): Promise<readonly string[]>;

  /** Tells the watcher of every login that ends, until the returned function is called. */
  watchEnds(watcher: EndWatcher): () => void;

  /** Keeps a token of the application itself, under a name of its own. */
  putClientToken(
    name: string,
    token: IssuedToken,
    seconds: number,
  ): Promise<void>;
  readClientToken(name: string): Promise<IssuedToken | undefined>;

  /**
   * Takes a lock, so that one process does for all what need be done once.
   *
   * The lock of a login leaves a mark in it, which outlives the lock: this
   * owner may be spending the refresh token. Only the owner, new tokens, or
   * somebody who names it as `gone` take the mark away.
   */
  takeLock(
    id: string,
    owner: string,
    milliseconds: number,
    gone?: string,
  ): Promise<LockOutcome>;
  /** Prolongs a lock that is still this owner's, or takes it anew where it ended and the mark is still this owner's. */
  keepLock(id: string, owner: string, milliseconds: number): Promise<boolean>;
  /** Gives a lock and its mark back if they are still this owner's; others may go at once. */
  releaseLock(id: string, owner: string): Promise<void>;
  /** Turns the owner's lock into a pause: nobody asks the provider until it is over. */
  pauseLock(id: string, owner: string, milliseconds: number): Promise<void>;

  /** Resolves when the store answers a real read. */
  ping(): Promise<void>;
}
