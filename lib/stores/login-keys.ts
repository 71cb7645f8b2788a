/** The keys of one login. */

/** They share a Cluster slot: braces. */
export interface LoginKeys {
  readonly login: string;
  readonly lock: string;
  /** Of what remains of it for a while when it has ended. */
  readonly remains: string;
}

/** Names them. */
export function loginKeysOf(keyPrefix: string, id: string): LoginKeys {
  const slot = `${keyPrefix}{${id}}`;
  return {
    login: `${slot}:login`,
    lock: `${slot}:lock`,
    remains: `${slot}:ended`,
  };
}

/** The revision of the tokens of a login that is only prepared: no login to whoever reads it. */
export const PREPARED = "0";
