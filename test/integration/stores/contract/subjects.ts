/** What the contract of login stores is tried with: stores, users, records. */
import { randomUUID } from "node:crypto";

import { afterAll, beforeAll } from "@jest/globals";

import { Secret } from "../../../../lib/base/secret.js";
import type {
  IssuedToken,
  LoginGroup,
  LoginRecord,
  LoginStore,
  LogoutMark,
  TokenOrigin,
  TokenSet,
  Transaction,
} from "../../../../lib/stores/login-store.js";
import { createLogin } from "../../../support/create-login.js";

/** A store, with what the suite needs beside it. */
export interface StoreUnderTest {
  readonly store: LoginStore;
  /** The same store as another process sees it; undefined: no other process can. */
  readonly elsewhere: LoginStore | undefined;
  /** Whatever the store still keeps whose name holds this text. */
  readonly keysWith: (text: string) => Promise<string[]>;
  readonly close: () => Promise<void>;
}

/** Opens a store before the tests, and closes it after them. */
export function whenOpen(
  open: () => Promise<StoreUnderTest>,
  use: (opened: StoreUnderTest) => void,
): void {
  let opened: StoreUnderTest;

  beforeAll(async () => {
    opened = await open();
    use(opened);
  });

  afterAll(async () => {
    await opened.close();
  });
}

export const MINUTE = 60_000;

/** Who began the sign-ins of the suite. */
export const OWNER = "owner";

/** The transaction, if its owner is the first who comes. */
export async function takeFrom(
  store: LoginStore,
  key: string,
): Promise<Transaction | undefined> {
  const taken = await store.takeTransaction(key, OWNER, 60);
  return taken?.transaction;
}

/** What a store keeps of a login, beside what remains of one that has ended. */
export async function liveKeysOf(
  { keysWith }: StoreUnderTest,
  id: string,
): Promise<string[]> {
  const keys = await keysWith(id);
  return keys.filter((key) => !key.endsWith(":ended"));
}

/** Signs a user in; the login's id. */
export async function signIn(
  store: LoginStore,
  user: User,
  how: HowSignedIn = {},
): Promise<string> {
  const id = randomUUID();
  await createLogin(store, id, user.login(how, user), tokenSet("1"), origin());
  return id;
}

export const ISSUER = "https://op.example";

/** A user who has never been here before. */
export interface User {
  readonly issuer: string;
  readonly subject: string;
  readonly group: LoginGroup;
  /** Those logins of the user whose provider sent no `sid`. */
  readonly withoutSession: LoginGroup;
  /** A login of this user, or of one with another issuer. */
  readonly login: (
    how?: HowSignedIn,
    as?: { readonly issuer: string; readonly subject: string },
  ) => LoginRecord;
}

/** A session at the provider that nobody has had before. */
export interface Session {
  readonly providerSessionId: string;
  readonly group: LoginGroup;
}

export interface HowSignedIn {
  /** Default: the provider sends no `sid`. */
  readonly session?: Session;
  readonly authenticatedAt?: number;
  readonly endsAt?: number;
}

export function aUser(): User {
  const user = { provider: "default", issuer: ISSUER, subject: randomUUID() };
  return {
    ...user,
    group: user,
    withoutSession: {
      provider: "default",
      issuer: ISSUER,
      subjectWithoutSession: user.subject,
    },
    login({ session, authenticatedAt, endsAt } = {}, as = user) {
      const record = loginRecord();
      return {
        ...record,
        createdAt: Date.now(),
        endsAt: endsAt ?? record.endsAt,
        identity: {
          ...record.identity,
          claims: { iss: as.issuer, sub: as.subject },
          providerSessionId: session?.providerSessionId,
          authenticatedAt,
        },
      };
    },
  };
}

export function aSession(): Session {
  const providerSessionId = randomUUID();
  return {
    providerSessionId,
    group: { provider: "default", issuer: ISSUER, providerSessionId },
  };
}

export function aToken(): IssuedToken {
  return {
    value: new Secret("of the application"),
    type: "DPoP",
    receivedAt: 1,
    expiresAt: undefined,
    scope: "read",
  };
}

/** A logout of this moment, by the provider's word. */
export function mark(): LogoutMark {
  return { at: Date.now(), issuedAt: Math.floor(Date.now() / 1000) * 1000 };
}

/** A transaction whose secrets hold the given text. */
export function transaction(text: string): Transaction {
  return {
    provider: "default",
    issuer: "https://op.example",
    baseUrl: "https://shop.example",
    state: new Secret(`state ${text}`),
    codeVerifier: new Secret(`verifier ${text}`),
    nonce: new Secret(`nonce ${text}`),
    returnTo: "/orders?page=2#top",
    acrValues: ["urn:mfa", "urn:pwd"],
    maxAgeSeconds: 300,
    isSilent: false,
  };
}

/** A login that began just now and ends in an hour. */
export function loginRecord(
  subject = "alice",
): LoginRecord & { readonly seenAt: number } {
  return {
    identity: {
      provider: "default",
      claims: {
        iss: "https://op.example",
        sub: subject,
        name: "Zoë 世界",
        address: { country: null, lines: ["1 Main St", ""] },
        email_verified: false,
        updated_at: 1.5,
      },
      providerSessionId: "provider session",
      authenticatedAt: STARTED - 5000,
      acr: "urn:mfa",
      sessionState: "hash.salt",
      unverifiedUser: { name: { firstName: "Zoë" } },
    },
    createdAt: STARTED,
    seenAt: STARTED,
    endsAt: ENDS_AT,
    device: { userAgent: "Browser/1", address: "192.0.2.1" },
  };
}

/** Tokens that were asked for now. */
export function origin(requestedAt = Date.now()): TokenOrigin {
  return { requestedAt, issuedAt: requestedAt };
}

export const STARTED = Date.now();
/** When logins end. */
export const ENDS_AT: number = STARTED + 60 * MINUTE;

/** A token set whose secrets hold the given text. */
export function tokenSet(text: string): TokenSet {
  return {
    idToken: new Secret(`id ${text}`),
    refreshToken: new Secret(`refresh ${text}`),
    accessTokens: {
      "": accessToken(`access ${text}`, STARTED + MINUTE, "openid"),
      "urn:example:orders": accessToken(
        `orders ${text}`,
        STARTED + 2 * MINUTE,
        "orders:read",
      ),
    },
  };
}

export function accessToken(
  value: string,
  expiresAt: number | undefined,
  scope: string | undefined,
): IssuedToken {
  return {
    value: new Secret(value),
    type: "Bearer",
    receivedAt: STARTED,
    expiresAt,
    scope,
  };
}

// Two Secrets look alike to a matcher whatever they hold, so they are compared in plain.
export function plainTransaction(taken: Transaction | undefined): unknown {
  return (
    taken && {
      ...taken,
      state: taken.state.reveal(),
      codeVerifier: taken.codeVerifier.reveal(),
      nonce: taken.nonce.reveal(),
    }
  );
}

export function plainTokens(tokens: TokenSet | undefined): unknown {
  return (
    tokens && {
      idToken: tokens.idToken.reveal(),
      refreshToken: tokens.refreshToken?.reveal(),
      accessTokens: Object.entries(tokens.accessTokens).map(
        ([resource, token]) => [
          resource,
          { ...token, value: token.value.reveal() },
        ],
      ),
    }
  );
}

export function times<Answer>(
  count: number,
  ask: (index: number) => Promise<Answer>,
): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => ask(index)));
}
