/** The provider's signing keys: fetched for all who need them, kept for ten minutes, and chosen for a token. */
import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type JWK,
  type JWTHeaderParameters,
} from "jose";
import { isJsonObject, jsonObject } from "./json-object.js";
import type { LimitedFetch } from "./limited-fetch.js";

/** Keys that are older are fetched anew before they are used, in milliseconds. */
const KEPT_FOR = 10 * 60 * 1000;

/** For one token no more keys are tried. */
const MAX_CANDIDATES = 5;

/** Keys that may have signed a token. */
export interface KeyCandidates {
  readonly keys: readonly CryptoKey[];
  /**
   * Whether the token names them. The key behind a name does not change
   * (RFC 7517 4.5); a key without one may have been replaced.
   */
  readonly named: boolean;
}

/** The keys as tokens are verified with them. */
export interface ProviderKeys {
  /** Whether there are keys, and none is older than ten minutes. */
  readonly fresh: boolean;
  /** Whether a fetch is on its way, which `reload` would join. */
  readonly reloading: boolean;
  /** Fetches the keys anew. Rejects with a {@link NoKeysError} or an error of fetch; the keys before then stay. */
  reload: () => Promise<void>;
  /** Fetches keys where none are fresh. */
  candidatesFor: (header: JWTHeaderParameters) => Promise<KeyCandidates>;
}

/** What is at `jwks_uri` is not a JWK Set. */
export class NoKeysError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "NoKeysError";
  }
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

interface KnownKeys {
  readonly all: KeySet;
  readonly unnamed: KeySet;
  readonly at: number;
}

/** Creates the keys of one provider; nothing is fetched before the first use. */
export function createProviderKeys(
  url: string,
  fetch: LimitedFetch,
  now: () => number,
): ProviderKeys {
  let known: KnownKeys | undefined;
  let loading: Promise<KnownKeys> | undefined;

  const load = (): Promise<KnownKeys> => {
    loading ??= fetchKeys(url, fetch)
      .then((keys) => {
        known = {
          all: createLocalJWKSet({ keys }),
          unnamed: createLocalJWKSet({
            keys: keys.filter(({ kid }) => kid === undefined),
          }),
          at: now(),
        };
        return known;
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };
  const freshKeys = (): KnownKeys | undefined =>
    known !== undefined && now() - known.at < KEPT_FOR ? known : undefined;

  return {
    get fresh() {
      return freshKeys() !== undefined;
    },
    get reloading() {
      return loading !== undefined;
    },
    async reload() {
      await load();
    },
    async candidatesFor(header) {
      const { all, unnamed } = freshKeys() ?? (await load());
      const keys = await usableKeys(all, header);
      if (keys.length > 0 || header.kid === undefined) {
        return { keys, named: header.kid !== undefined };
      }
      // Some providers name a key in their tokens and not in the JWK Set.
      const { alg } = header;
      return { keys: await usableKeys(unnamed, { alg }), named: false };
    },
  };
}

/** A fetch for openid-client, which would refuse a JWK Set for one odd entry; other answers go through as they are. */
export function withUsableKeys(fetch: LimitedFetch): LimitedFetch {
  return async function fetchUsableKeys(url, request) {
    const response = await fetch(url, request);
    if (response.status !== 200) return response;
    const text = await response.text();
    const set = jsonObject(text);
    const body = Array.isArray(set?.["keys"])
      ? JSON.stringify({ ...set, keys: set["keys"].filter(isJsonObject) })
      : text;
    return new Response(body, response);
  };
}

async function fetchKeys(url: string, fetch: LimitedFetch): Promise<JWK[]> {
  const response = await fetch(url, {
    method: "GET",
    headers: { accept: "application/json, application/jwk-set+json" },
  });
  if (response.status !== 200) {
    throw new NoKeysError(`the JWK Set answered ${String(response.status)}`);
  }
  const keys = jsonObject(await response.text())?.["keys"];
  if (!Array.isArray(keys)) {
    throw new NoKeysError("the JWK Set is not an object with a list of keys");
  }
  // RFC 7517 5: what nobody can use is passed over, and spoils no other key.
  return keys.filter(isJsonObject);
}

/** Those of the right type, use and name that can be imported, a few at most. */
async function usableKeys(
  set: KeySet,
  header: JWTHeaderParameters,
): Promise<CryptoKey[]> {
  try {
    return [await set(header)];
  } catch (error) {
    if (codeOf(error) === errors.JWKSNoMatchingKey.code) return [];
    if (codeOf(error) !== errors.JWKSMultipleMatchingKeys.code) throw error;
    const keys: CryptoKey[] = [];
    for await (const key of error as errors.JWKSMultipleMatchingKeys) {
      if (keys.push(key) === MAX_CANDIDATES) break;
    }
    return keys;
  }
}

// By code, not by class: see classifyFailure.
function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}
