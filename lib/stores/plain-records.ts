/** Records as JSON and back: what the store seals. */
import { Secret } from "../base/secret.js";
import type {
  Identity,
  IssuedToken,
  LoginRecord,
  TokenSet,
  Transaction,
} from "./records.js";

/** Written into every login record; raise it when its shape changes so that older records cannot be read. */
const RECORD_VERSION = 2;

/** A transaction as JSON. */
export type PlainTransaction = Omit<
  Transaction,
  "state" | "codeVerifier" | "nonce" | "proofKey"
> & {
  readonly state: string;
  readonly codeVerifier: string;
  readonly nonce: string;
  readonly proofKey?: string;
};

/** @returns what {@link toTransaction} reads. */
export function plainTransaction({
  proofKey,
  ...transaction
}: Transaction): PlainTransaction {
  return {
    ...transaction,
    ...(proofKey && { proofKey: proofKey.reveal() }),
    state: transaction.state.reveal(),
    codeVerifier: transaction.codeVerifier.reveal(),
    nonce: transaction.nonce.reveal(),
  };
}

/** The other way round. */
export function toTransaction({
  proofKey,
  ...plain
}: PlainTransaction): Transaction {
  return {
    ...plain,
    ...(proofKey !== undefined && { proofKey: new Secret(proofKey) }),
    maxAgeSeconds: plain.maxAgeSeconds,
    state: new Secret(plain.state),
    codeVerifier: new Secret(plain.codeVerifier),
    nonce: new Secret(plain.nonce),
  };
}

/** A token set as JSON. */
export interface PlainTokenSet {
  readonly idToken: string;
  readonly newestIdToken?: string;
  readonly refreshToken?: string;
  /** Of all access tokens that are not Bearer. */
  readonly proofKey?: string;
  readonly accessTokens: Readonly<Record<string, PlainAccessToken>>;
}

/** @returns what {@link toTokenSet} reads. */
export function plainTokenSet(tokens: TokenSet): PlainTokenSet {
  return {
    idToken: tokens.idToken.reveal(),
    ...(tokens.newestIdToken && {
      newestIdToken: tokens.newestIdToken.reveal(),
    }),
    ...(tokens.refreshToken && { refreshToken: tokens.refreshToken.reveal() }),
    ...(tokens.proofKey && { proofKey: tokens.proofKey.reveal() }),
    accessTokens: Object.fromEntries(
      Object.entries(tokens.accessTokens).map(([name, token]) => [
        name,
        plainAccessToken(token),
      ]),
    ),
  };
}

/** An access token as JSON. */
export interface PlainAccessToken {
  readonly value: string;
  /** Absent: Bearer. */
  readonly type?: string;
  readonly receivedAt: number;
  readonly expiresAt?: number;
  readonly scope?: string;
}

/** @returns what {@link toAccessToken} reads. */
export function plainAccessToken(token: IssuedToken): PlainAccessToken {
  const { type, expiresAt, scope, receivedAt } = token;
  return {
    value: token.value.reveal(),
    ...(type !== "Bearer" && { type }),
    receivedAt,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(scope !== undefined && { scope }),
  };
}

/** The other way round. */
export function toAccessToken(
  plain: PlainAccessToken,
  proofKey?: Secret,
): IssuedToken {
  return {
    value: new Secret(plain.value),
    type: plain.type ?? "Bearer",
    receivedAt: plain.receivedAt,
    expiresAt: plain.expiresAt,
    scope: plain.scope,
    ...(proofKey && plain.type === "DPoP" && { proofKey }),
  };
}

/** The other way round. */
export function toTokenSet(plain: PlainTokenSet): TokenSet {
  const proofKey =
    plain.proofKey === undefined ? undefined : new Secret(plain.proofKey);
  return {
    idToken: new Secret(plain.idToken),
    ...(plain.newestIdToken !== undefined && {
      newestIdToken: new Secret(plain.newestIdToken),
    }),
    refreshToken:
      plain.refreshToken === undefined
        ? undefined
        : new Secret(plain.refreshToken),
    accessTokens: Object.fromEntries(
      Object.entries(plain.accessTokens).map(([name, token]) => [
        name,
        toAccessToken(token, proofKey),
      ]),
    ),
    ...(proofKey && { proofKey }),
  };
}

/** A login record but for its last use, as JSON. */
export function plainLoginRecord({ seenAt: _, ...login }: LoginRecord): object {
  return { version: RECORD_VERSION, ...login };
}

function isWhole({
  identity,
  createdAt,
  endsAt,
}: Partial<Omit<LoginRecord, "seenAt">>): boolean {
  const { provider, claims } = (identity ?? {}) as Partial<Identity>;
  const { iss, sub } = claims ?? {};
  return (
    typeof provider === "string" &&
    typeof iss === "string" &&
    typeof sub === "string" &&
    Number.isFinite(createdAt) &&
    Number.isFinite(endsAt)
  );
}

/** A record of another version, or a damaged one, is no login: a deployment signs out rather than fails. */
export function toLoginRecord(
  unchanging: string,
  seenAt: number | undefined,
): LoginRecord | undefined {
  let record: (Omit<LoginRecord, "seenAt"> & { version: number }) | null;
  try {
    record = JSON.parse(unchanging) as typeof record;
  } catch {
    return undefined;
  }
  if (record?.version !== RECORD_VERSION || !isWhole(record)) return undefined;
  const { identity, createdAt, endsAt, device, claimsAt, data } = record;
  const { scope, refusedScope, authorizationDetails, state } = record;
  return {
    identity: {
      provider: identity.provider,
      claims: identity.claims,
      // JSON leaves undefined members out.
      providerSessionId: identity.providerSessionId,
      authenticatedAt: identity.authenticatedAt,
      acr: identity.acr,
      sessionState: identity.sessionState,
      ...(identity.unverifiedUser && {
        unverifiedUser: identity.unverifiedUser,
      }),
    },
    createdAt,
    endsAt,
    seenAt,
    device: device && {
      userAgent: device.userAgent,
      address: device.address,
    },
    ...(scope !== undefined && { scope }),
    ...(refusedScope !== undefined && { refusedScope }),
    ...(authorizationDetails !== undefined && { authorizationDetails }),
    ...(state !== undefined && { state }),
    ...(claimsAt !== undefined && { claimsAt }),
    ...(data && { data }),
  };
}
