/** Single sealed values in the store: parked answers, kept forms, and tokens of the application itself. */
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
  /** Keeps a form that was posted without a login. */
  readonly keepForm: (
    key: string,
    form: Secret,
    seconds: number,
  ) => Promise<void>;
  readonly readForm: (key: string) => Promise<Secret | undefined>;
  /** Hands a kept form out exactly once. */
  readonly takeForm: (key: string) => Promise<Secret | undefined>;
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
  const formKey = (key: string): string => `${keyPrefix}form:${key}`;
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

  const open = (key: string, sealed: Buffer | undefined): string | undefined =>
    sealed === undefined ? undefined : sealedBox.open(sealed, key);
  const read = async (key: string): Promise<string | undefined> => {
    const [sealed] = await driver.read(key, ["v"]);
    return open(key, sealed);
  };
  const take = async (key: string): Promise<Secret | undefined> => {
    const taking: Case = {
      when: [],
      then: [{ delete: key }],
      want: [{ key, field: "v" }],
    };
    const [sealed] = (await driver.decide([taking])).fields;
    return secretOf(open(key, sealed));
  };

  return {
    parkResponse: (key, response, seconds) =>
      put(responseKey(key), response.reveal(), seconds),
    takeResponse: (key) => take(responseKey(key)),
    keepForm: (key, form, seconds) => put(formKey(key), form.reveal(), seconds),
    readForm: async (key) => secretOf(await read(formKey(key))),
    takeForm: (key) => take(formKey(key)),
    putClientToken: (name, token, seconds) =>
      put(tokenKey(name), JSON.stringify(plainClientToken(token)), seconds),
    async readClientToken(name) {
      const plain = await read(tokenKey(name));
      return plain === undefined
        ? undefined
        : toClientToken(JSON.parse(plain) as PlainClientToken);
    },
  };
}

/** It belongs to no login that would have its key. */
interface PlainClientToken extends PlainAccessToken {
  readonly proofKey?: string;
}

function plainClientToken(token: IssuedToken): PlainClientToken {
  const { proofKey } = token;
  return {
    ...plainAccessToken(token),
    ...(proofKey && { proofKey: proofKey.reveal() }),
  };
}

function toClientToken({ proofKey, ...plain }: PlainClientToken): IssuedToken {
  return toAccessToken(plain, secretOf(proofKey));
}

function secretOf(plain: string | undefined): Secret | undefined {
  return plain === undefined ? undefined : new Secret(plain);
}
