/** Which groups a login belongs to, and which logouts its tokens are older than. */
import { createHash } from "node:crypto";
import type {
  Identity,
  LoginGroup,
  LogoutMark,
  TokenOrigin,
} from "./records.js";

/** All logins of a user. */
export type UserGroup = LoginGroup & { readonly subject: string };

/** The groups of a login: its user's, and its session's at the provider, or of those that name none. */
export function groupsOf({
  provider,
  claims: { iss: issuer, sub: subject },
  providerSessionId,
}: Identity): readonly [UserGroup, ...LoginGroup[]] {
  const owner = { provider, issuer };
  const user: UserGroup = { ...owner, subject };
  // A `sid` is unique at its issuer only (Back-Channel Logout 2.1).
  return providerSessionId === undefined
    ? [user, { ...owner, subjectWithoutSession: subject }]
    : [user, { ...owner, providerSessionId }];
}

/** A group's name in keys: of one length, and it tells nobody who the user is. */
export function groupName(group: LoginGroup): string {
  const [kind, value] =
    "subject" in group
      ? ["user", group.subject]
      : "providerSessionId" in group
        ? ["sid", group.providerSessionId]
        : ["no-sid", group.subjectWithoutSession];
  const hash = createHash("sha256")
    .update(JSON.stringify([kind, group.provider, group.issuer, value]))
    .digest("base64url");
  return `${kind}.${hash.slice(0, 22)}`;
}

/** So long after a logout a code from before may still be on its way, in milliseconds. */
const CODE_LIFE = 60_000;

/**
 * Whether tokens are older than a logout of their group.
 *
 * They are when they were asked for before it came, or made before it by the
 * provider's clock, which counts in seconds. A code from before the logout of
 * a session at the provider may be exchanged after it, for an ID Token that is
 * newer but rests on the same authentication: it counts as older too.
 */
export function isOlderThan(
  { at, issuedAt = 0 }: LogoutMark,
  group: LoginGroup,
  origin: TokenOrigin,
  { authenticatedAt }: Identity,
): boolean {
  if (origin.requestedAt <= at || origin.issuedAt < issuedAt) return true;
  return (
    "providerSessionId" in group &&
    origin.requestedAt <= at + CODE_LIFE &&
    (authenticatedAt ?? origin.issuedAt) <= issuedAt
  );
}
