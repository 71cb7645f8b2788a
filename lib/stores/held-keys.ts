/** What the store holds for one login: the names of its keys, for how long, and how large; never what. */
import type { StoreDriver } from "./driver.js";
import { groupName, groupsOf } from "./login-groups.js";
import { loginKeysOf } from "./login-keys.js";
import type { Identity } from "./records.js";
import type { SessionBackend } from "./session-backend.js";

/** One field of a record. */
export interface HeldField {
  readonly name: string;
  readonly what: string;
  readonly bytes: number;
  readonly isSealed: boolean;
}

/** One key. */
export interface HeldKey {
  readonly key: string;
  readonly what: string;
  /** Undefined: not known. */
  readonly secondsLeft: number | undefined;
  readonly fields: readonly HeldField[];
}

/** What is asked. */
export interface HeldKeys {
  /** The keys of a login that are there. */
  readonly heldFor: (
    id: string,
    identity: Identity | undefined,
    sessions: Pick<SessionBackend, "read">,
  ) => Promise<readonly HeldKey[]>;
}

type FieldWords = Readonly<
  Record<string, readonly [what: string, isSealed: boolean]>
>;

const LOGIN: FieldWords = {
  i: ["who signed in, and until when", true],
  s: ["when the login was last used", true],
  c: ["when its claims were renewed", true],
  t: ["ID Token, refresh token and access tokens", true],
  r: ["the revision of the tokens", false],
  w: ["which write made it", false],
  o: ["who renews the tokens", false],
};

const LOCK: FieldWords = { by: ["who renews the tokens now", false] };

/** Creates it over a driver. */
export function createHeldKeys(
  driver: StoreDriver,
  keyPrefix: string,
): HeldKeys {
  const secondsLeft = async (key: string): Promise<number | undefined> => {
    const left = await driver.lifetimeMs?.(key);
    return left === undefined ? undefined : Math.round(left / 1000);
  };
  const record = async (
    key: string,
    what: string,
    words: FieldWords,
  ): Promise<HeldKey[]> => {
    const names = Object.keys(words);
    const values = await driver.read(key, names);
    const fields = names.flatMap((name, index) => {
      const [text = "", isSealed = false] = words[name] ?? [];
      const bytes = values[index]?.length;
      return bytes === undefined ? [] : [{ name, what: text, bytes, isSealed }];
    });
    if (fields.length === 0) return [];
    return [{ key, what, secondsLeft: await secondsLeft(key), fields }];
  };
  const group = async (name: string): Promise<HeldKey[]> => {
    const slot = `${keyPrefix}{${name}}`;
    const members = `${slot}:logins`;
    const ids = await driver.members({ members, note: `${slot}:logged-out` });
    if (ids.length === 0) return [];
    const what = name.startsWith("user.")
      ? "the logins of this user"
      : "the logins of this session at the provider";
    const bytes = ids.join("").length;
    const text = `ids of ${String(ids.length)} logins`;
    return [
      {
        ...{ key: members, what, secondsLeft: await secondsLeft(members) },
        fields: [{ name: "members", what: text, bytes, isSealed: false }],
      },
    ];
  };
  const blob = async (
    id: string,
    sessions: Pick<SessionBackend, "read">,
  ): Promise<HeldKey[]> => {
    const key = `${keyPrefix}session:${id}`;
    const session = await sessions.read(id);
    if (session === undefined) return [];
    const bytes = Buffer.byteLength(JSON.stringify(session));
    const what = "req.session, the application's own data";
    return [
      {
        ...{ key, what, secondsLeft: await secondsLeft(key) },
        fields: [{ name: "value", what: "JSON", bytes, isSealed: false }],
      },
    ];
  };
  return {
    async heldFor(id, identity, sessions) {
      const keys = loginKeysOf(keyPrefix, id);
      const names =
        identity === undefined ? [] : groupsOf(identity).map(groupName);
      const held = await Promise.all([
        record(keys.login, "the login", LOGIN),
        record(keys.lock, "the lock of a refresh", LOCK),
        blob(id, sessions),
        ...names.map(group),
      ]);
      return held.flat();
    },
  };
}
