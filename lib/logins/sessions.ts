/** What users and administrators do with logins: list them, end them. */
import { checkedUser, checkId } from "../base/calls.js";
import type { Config } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import type { KnownProviders } from "../config/known-providers.js";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { groupName, groupsOf, type UserGroup } from "../stores/login-groups.js";
import type { ListedLogin } from "../stores/login-store.js";
import type { LiveLogin, Login } from "./current-login.js";
import { loginEnd } from "./login-lifetime.js";
import type { Logins } from "./logins.js";

/** A login as its user may see it. */
export interface LoginSummary {
  /** `loginOf(req).id` of that login. */
  readonly id: string;
  /** When the login began here. */
  readonly startedAt: Date;
  /** When it was last used. Exact to a tenth of the idle timeout. */
  readonly lastSeenAt: Date;
  /** When the login ends if it is not used again. */
  readonly expiresAt: Date;
  /** What the browser called itself; with `session.recordDevice` only. Untrusted: escape it. */
  readonly userAgent: string | undefined;
  /** The IP address at login; with `session.recordDevice` only. */
  readonly address: string | undefined;
}

/** A user among those of several providers: `{ provider, iss: claims.iss, sub: claims.sub }` of `loginOf(req)`. */
export interface NamedUser {
  readonly sub: string;
  /** Name of the provider. Default: the only one. */
  readonly provider?: string;
  /** Default: the provider's. Needed where it has tenants. */
  readonly iss?: string;
}

/** A user: `sub` alone where there is one provider with one issuer. */
export type User = string | NamedUser;

/**
 * The logins of users. Ended ones are dead at once in every
 * process; their tokens are revoked at the provider in the background.
 *
 * All reject with `ERR_STORE_UNAVAILABLE` when the store does not answer, with
 * `ERR_CONFIG` for a user who is not named as {@link User} says, and with
 * `ERR_PROVIDER_UNAVAILABLE` where `findProvider` fails, which is asked for a
 * user without `iss`.
 */
export interface Sessions {
  /** A user's live logins, oldest first. One whose browser has not come back with it yet is not listed. */
  readonly list: (user: User) => Promise<readonly LoginSummary[]>;
  /** Ends one login of this user. False: the user has no such login. */
  readonly end: (user: User, loginId: string) => Promise<boolean>;
  /** Ends all logins of a user, also those that are just being completed; how many there were. */
  readonly endAll: (user: User) => Promise<number>;
  /** Ends all logins of a user but this one, which must be `loginOf(req)` of this kit; how many there were. Rejects with `ERR_LOGIN_REQUIRED` when it has ended itself. */
  readonly endOthers: (login: Login) => Promise<number>;
}

/**
 * Creates `kit.sessions`.
 *
 * @param liveLoginOf a login that this kit has found, as it found it; undefined for anything else
 */
export function createSessions(
  { config, knownProviders, loginStore, now }: Ground,
  { loginEnding, userLogins }: Logins,
  liveLoginOf: (login: unknown) => LiveLogin | undefined,
): Sessions {
  const groupOf = (call: string, user: User): Promise<UserGroup> =>
    groupOfUser(call, user, knownProviders);
  const endAll = (group: UserGroup, except?: string): Promise<number> =>
    userLogins.endAll(group, "revoked", {
      mark: { at: now(), issuedAt: undefined },
      ...(except !== undefined && { except }),
    });

  return {
    async list(user) {
      const group = await groupOf("kit.sessions.list", user);
      const logins = await userLogins.list(group);
      // The others may have no owner: their browsers have not come back.
      return logins
        .filter(({ record }) => record.seenAt !== undefined)
        .map((login) => summaryOf(login, config));
    },
    async end(user, loginId) {
      const group = await groupOf("kit.sessions.end", user);
      checkId("kit.sessions.end", "loginId", loginId);
      // The id may come from a form: it opens only what is this user's.
      const record = await loginStore.readLogin(loginId);
      const isTheirs =
        record !== undefined &&
        groupName(groupsOf(record.identity)[0]) === groupName(group);
      if (!isTheirs) return false;
      return (await loginEnding.end(loginId, "revoked")) !== undefined;
    },
    async endAll(user) {
      return endAll(await groupOf("kit.sessions.endAll", user));
    },
    async endOthers(login) {
      // Another kit's login, or an object like one, could name any user.
      const own = liveLoginOf(login);
      if (own === undefined) {
        throw new ConfigError(
          ["login: must be loginOf(req) of a request behind this kit's guard"],
          "kit.sessions.endOthers",
        );
      }
      // It may have been found long ago: one that has ended says nothing any more.
      if ((await loginStore.readLogin(own.id)) === undefined) {
        throw new LoginKitError("ERR_LOGIN_REQUIRED");
      }
      return endAll(groupsOf(own.record.identity)[0], own.id);
    },
  };
}

/** The logins of a user, by name. */
async function groupOfUser(
  call: string,
  user: User,
  { only, named }: KnownProviders,
): Promise<UserGroup> {
  const { sub, provider: name, iss } = checkedUser(call, user);
  const wanted = name ?? only?.name;
  if (wanted === undefined) {
    throw new ConfigError(
      ["user: there are several providers; write { provider, sub }"],
      call,
    );
  }
  // Whoever is named in full is known, also where nobody can be asked.
  if (iss !== undefined) {
    return { provider: wanted, issuer: iss, subject: sub };
  }
  const provider = await named(wanted);
  if (provider === undefined) {
    throw new ConfigError(
      [
        "user: there is no provider of this name; of one that was removed write { provider, iss, sub }",
      ],
      call,
    );
  }
  if (provider.tenants !== undefined) {
    throw new ConfigError(
      ["user: the provider has tenants; write { provider, iss, sub }"],
      call,
    );
  }
  return { provider: wanted, issuer: provider.issuer, subject: sub };
}

function summaryOf({ id, record }: ListedLogin, config: Config): LoginSummary {
  return {
    id,
    startedAt: new Date(record.createdAt),
    lastSeenAt: new Date(record.seenAt ?? record.createdAt),
    expiresAt: new Date(loginEnd(record, config)),
    userAgent: record.device?.userAgent,
    address: record.device?.address,
  };
}
