/** The logins that end together, in the store. */
import type { GroupKeys, StoreDriver } from "./driver.js";
import { groupName, groupsOf, isOlderThan } from "./login-groups.js";
import type {
  LoginGroup,
  LoginRecord,
  LogoutMark,
  TokenOrigin,
} from "./records.js";

/** What is asked of groups. */
export interface StoredGroups {
  /** Enters a login into its groups. Undefined: a logout came before that its tokens are older than. Else how many logins the user has, this one included. */
  readonly enter: (
    id: string,
    login: LoginRecord,
    origin: TokenOrigin,
  ) => Promise<number | undefined>;
  /** Takes a login out of its groups. Never rejects: an entry that stays behind leads nowhere, and goes when the login would have ended. */
  readonly leave: (id: string, login: LoginRecord) => Promise<void>;
  readonly forget: (id: string, group: LoginGroup) => Promise<void>;
  /** The ids of a group's logins, the one that ends first first, also of those that are being made. Some may be over. */
  readonly loginsOf: (group: LoginGroup) => Promise<readonly string[]>;
  /**
   * The same, and from now on no login enters the group whose tokens are
   * older than this logout. The mark is kept for so many seconds.
   */
  readonly refuseLogins: (
    group: LoginGroup,
    mark: LogoutMark,
    seconds: number,
  ) => Promise<readonly string[]>;
}

/** Creates them over a driver. */
export function createStoredGroups(
  driver: StoreDriver,
  keyPrefix: string,
): StoredGroups {
  const keysOf = (group: LoginGroup): GroupKeys => {
    const slot = `${keyPrefix}{${groupName(group)}}`;
    return { members: `${slot}:logins`, note: `${slot}:logged-out` };
  };

  /** How many there are, and whether a logout came that the tokens are older than. */
  const enterOne = async (
    group: LoginGroup,
    id: string,
    login: LoginRecord,
    origin: TokenOrigin,
  ): Promise<{ readonly count: number; readonly isLoggedOut: boolean }> => {
    const { count, note } = await driver.enter(keysOf(group), {
      member: id,
      endsAt: login.endsAt,
      now: login.createdAt,
      lifetimeMs: Math.ceil(login.endsAt - login.createdAt),
      want: ["at", "issued"],
    });
    const [at, issuedAt] = note;
    const isLoggedOut =
      at !== undefined &&
      isOlderThan({ at, issuedAt }, group, origin, login.identity);
    return { count, isLoggedOut };
  };

  return {
    async enter(id, login, origin) {
      const [user, ...others] = await Promise.all(
        groupsOf(login.identity).map((group) =>
          enterOne(group, id, login, origin),
        ),
      );
      return [user, ...others].some((one) => one?.isLoggedOut === true)
        ? undefined
        : user?.count;
    },
    async leave(id, { identity }) {
      await Promise.allSettled(
        groupsOf(identity).map((group) => driver.leave(keysOf(group), id)),
      );
    },
    forget: (id, group) => driver.leave(keysOf(group), id),
    loginsOf: (group) => driver.members(keysOf(group)),
    refuseLogins: (group, { at, issuedAt = 0 }, seconds) =>
      driver.note(
        keysOf(group),
        { at, issued: issuedAt },
        Math.ceil(seconds * 1000),
      ),
  };
}
