/** Where session blobs are kept: in the store, beside the logins. */
import type { SessionData } from "express-session";
import type { StoreDriver } from "./driver.js";

/** Where session blobs are kept. Keys are login ids, so no key holds a session id. */
export interface SessionBackend {
  readonly read: (key: string) => Promise<SessionData | undefined>;
  readonly create: (key: string, session: SessionData) => Promise<void>;
  /** Writes only over what is still there. */
  readonly update: (key: string, session: SessionData) => Promise<void>;
  readonly remove: (key: string) => Promise<void>;
}

/**
 * Creates it over a driver; `d` is the session as JSON.
 *
 * @param lifetimeSeconds how long a session lives after its last write
 */
export function createSessionBackend(
  driver: StoreDriver,
  keyPrefix: string,
  lifetimeSeconds: number,
): SessionBackend {
  const keyOf = (key: string): string => `${keyPrefix}session:${key}`;
  const put = (key: string, session: SessionData) => ({
    set: key,
    fields: { d: JSON.stringify(session) },
    lifetimeMs: lifetimeSeconds * 1000,
  });
  return {
    async read(id) {
      const [json] = await driver.read(keyOf(id), ["d"]);
      return json && parseSession(json.toString());
    },
    async create(id, session) {
      await driver.decide([{ when: [], then: [put(keyOf(id), session)] }]);
    },
    async update(id, session) {
      const key = keyOf(id);
      await driver.decide([
        { when: [{ key, field: "d", isOneOf: [undefined] }], then: [] },
        { when: [], then: [put(key, session)] },
      ]);
    },
    async remove(id) {
      await driver.decide([{ when: [], then: [{ delete: keyOf(id) }] }]);
    },
  };
}

/** A blob that is not a session is no session: it must not fail every request until it expires. */
export function parseSession(json: string): SessionData | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const isSession =
    typeof value === "object" &&
    value !== null &&
    "cookie" in value &&
    typeof value.cookie === "object" &&
    value.cookie !== null;
  return isSession ? (value as SessionData) : undefined;
}
