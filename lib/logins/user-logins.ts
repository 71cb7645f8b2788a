/** All logins of a user: list them, end them, keep their number in bounds. */
import type { Ground } from "../config/ground.js";
import type { LoginEndReason } from "../telling/events.js";
import type {
  ListedLogin,
  LoginGroup,
  LogoutMark,
} from "../stores/login-store.js";
import type { LoginEnding } from "./login-ending.js";
import { loginEnd } from "./login-lifetime.js";

/**
 * How long a logout counts for logins that are just being completed, in seconds
 * beyond the time that a browser may stay at the provider.
 */
const MARK_MARGIN_SECONDS = 60;

/** What concerns more than the login of one request. */
export interface UserLogins {
  /** The live logins of a group, oldest first, also those that were not used yet. */
  list: (group: LoginGroup) => Promise<readonly ListedLogin[]>;
  /** Ends all logins of a group but one, and says how many; with a mark also those that are just being completed. */
  endAll: (
    group: LoginGroup,
    reason: LoginEndReason,
    options?: { readonly mark?: LogoutMark; readonly except?: string },
  ) => Promise<number>;
  /** Ends the oldest logins of a user who has more than are allowed. */
  makeRoom: (group: LoginGroup) => Promise<void>;
}

/** Creates the functions behind `kit.sessions`, back-channel logout and the limit of logins. */
export function createUserLogins(
  { config, loginStore, now }: Ground,
  loginEnding: LoginEnding,
): UserLogins {
  const list: UserLogins["list"] = async (group) => {
    const known = await loginStore.listLogins(group);
    const isLive = ({ record }: ListedLogin): boolean =>
      loginEnd(record, config) > now();
    // Nobody has asked for these since they ran out.
    const over = known.filter((login) => !isLive(login)).map(({ id }) => id);
    await loginEnding.endAll(() => Promise.resolve(over), "expired");
    return known.filter(isLive).sort(byAge);
  };

  return {
    list,
    endAll(group, reason, { mark, except } = {}) {
      const find = async (): Promise<readonly string[]> => {
        const ids =
          mark === undefined
            ? await loginStore.loginsOf(group)
            : await loginStore.refuseLogins(
                group,
                mark,
                config.transactionTimeoutSeconds + MARK_MARGIN_SECONDS,
              );
        return ids.filter((id) => id !== except);
      };
      return loginEnding.endAll(find, reason);
    },
    async makeRoom(group) {
      const tooMany = async (): Promise<readonly string[]> => {
        const logins = await list(group);
        const excess = logins.length - config.session.maxLoginsPerUser;
        return logins.slice(0, Math.max(0, excess)).map(({ id }) => id);
      };
      await loginEnding.endAll(tooMany, "limit");
    },
  };
}

/** Oldest first; the same order for all who look, so that two logins at the same time do not end each other. */
function byAge(one: ListedLogin, other: ListedLogin): number {
  const difference = one.record.createdAt - other.record.createdAt;
  return difference === 0 ? (one.id < other.id ? -1 : 1) : difference;
}
