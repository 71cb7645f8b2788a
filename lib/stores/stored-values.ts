/** Single sealed values in the store: parked answers, and tokens of the application itself. */
import { Secret } from "../base/secret.js";
import type { Case, StoreDriver } from "./driver.js";
import {
  plainAccessToken,
  toAccessToken,
  type PlainAccessToken,
} from "./plain-records.js";
import type { IssuedToken } from "./records.js";
import type { SealedBox } from "./sealed-box.js";

/** What is asked of them. */
export interface StoredValues {
  /** Keeps an authorization response that came by POST for the GET that follows. */
  readonly parkResponse: (
    key: string,
    response: Secret,
    seconds: number,
  ) => Promise<void>;
  /** Hands a parked response out exactly once. */
  readonly takeResponse: (key: string) => Promise<Secret | undefined>;
  /** Keeps a token of the application itself, under a name of its own. */
  readonly putClientToken: (
    name: string,
    token: IssuedToken,
    seconds: number,
  ) => Promise<void>;
  readonly readClientToken: (name: string) => Promise<IssuedToken | undefined>;
}

/** Creates them over a driver; `v` is the value. */
export function createStoredValues(
  driver: StoreDriver,
  sealedBox: SealedBox,
  keyPrefix: string,
): StoredValues {
  const responseKey = (key: string): string => `${keyPrefix}response:${key}`;
  const tokenKey = (name: string): string => `${keyPrefix}client:${name}`;
  const put = async (
    key: string,
    value: string,
    seconds: number,
  ): Promise<void> => {
    const fields = { v: sealedBox.seal(value, key) };
    const lifetimeMs = Math.ceil(seconds * 1000);
    await driver.decide([
      { when: [], then: [{ set: key, fields, lifetimeMs }] },
    ]);
  };

  return {
    parkResponse: (key, response, seconds) =>
      put(responseKey(key), response.reveal(), seconds),
    async takeResponse(name) {
      const key = responseKey(name);
      const take: Case = {
        when: [],
        then: [{ delete: key }],
        want: [{ key, field: "v" }],
      };
      const [sealed] = (await driver.decide([take])).fields;
      const plain = sealed && sealedBox.open(sealed, key);
      return plain === undefined ? undefined : new Secret(plain);
    },
    putClientToken: (name, token, seconds) =>
      put(tokenKey(name), JSON.stringify(plainAccessToken(token)), seconds),
    async readClientToken(name) {
      const key = tokenKey(name);
      const [sealed] = await driver.read(key, ["v"]);
      const plain = sealed && sealedBox.open(sealed, key);
      return plain === undefined
        ? undefined
        : toAccessToken(JSON.parse(plain) as PlainAccessToken);
    },
  };
}
