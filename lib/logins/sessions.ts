/** What users and administrators do with logins: list them, end them. */
import { checkId, checkName } from "../base/calls.js";
import type { Config } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { ConfigError, LoginKitError } from "../base/errors.js";
import type { ListedLogin, LoginGroup } from "../stores/login-store.js";
import type { LiveLogin, Login } from "./current-login.js";
import { belongsHere } from "./belongs-here.js";
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

/**
 * The logins of users, by subject (`sub`). Ended ones are dead at once in every
 * process; their tokens are revoked at the provider in the background.
 *
 * All reject with `ERR_STORE_UNAVAILABLE` when the store does not answer, and
 * with `ERR_CONFIG` for a subject that is no text, or an empty one.
 */
export interface Sessions {
  /** A user's live logins, oldest first. One whose browser has not come back with it yet is not listed. */
  readonly list: (subject: string) => Promise<readonly LoginSummary[]>;
  /** Ends one login of this user. False: the user has no such login. */
  readonly end: (subject: string, loginId: string) => Promise<boolean>;
  /** Ends all logins of a user, also those that are just being completed; how many there were. */
  readonly endAll: (subject: string) => Promise<number>;
  /** Ends all logins of a user but this one, which must be `loginOf(req)` of this kit; how many there were. Rejects with `ERR_LOGIN_REQUIRED` when it has ended itself. */
  readonly endOthers: (login: Login) => Promise<number>;
}

/**
 * Creates `kit.sessions`.
 *
 * @param liveLoginOf a login that this kit has found, as it found it; undefined for anything else
 */
export function createSessions(
  { config, loginStore, now }: Ground,
  { loginEnding, userLogins }: Logins,
  liveLoginOf: (login: unknown) => LiveLogin | undefined,
): Sessions {
  const userOf = (subject: string): LoginGroup => ({
    issuer: config.issuer,
    subject,
  });
  const endAll = (subject: string, except?: string): Promise<number> =>
    userLogins.endAll(userOf(subject), "revoked", {
      mark: { at: now(), issuedAt: undefined },
      ...(except !== undefined && { except }),
    });

  return {
    async list(subject) {
      checkName("kit.sessions.list", "subject", subject);
      const logins = await userLogins.list(userOf(subject));
      // The others may have no owner: their browsers have not come back.
      return logins
        .filter(({ record }) => record.seenAt !== undefined)
        .map((login) => summaryOf(login, config));
    },
    async end(subject, loginId) {
      checkName("kit.sessions.end", "subject", subject);
      checkId("kit.sessions.end", "loginId", loginId);
      // The id may come from a form: it opens only what is this user's.
      const record = await loginStore.readLogin(loginId);
      const isTheirs =
        record !== undefined &&
        belongsHere(record, config) &&
        record.identity.claims.sub === subject;
      if (!isTheirs) return false;
      return (await loginEnding.end(loginId, "revoked")) !== undefined;
    },
    async endAll(subject) {
      checkName("kit.sessions.endAll", "subject", subject);
      return endAll(subject);
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
      return endAll(own.record.identity.claims.sub, own.id);
    },
  };
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
