/** The providers of one kit, by name and by issuer. */
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { issuerIn } from "./logout-token.js";
import { createProvider, type Provider } from "./provider.js";

/** All of them. */
export interface Providers {
  /**
   * The provider with a name of the configuration; none: the one that users
   * sign in with by default.
   *
   * @throws {LoginKitError} `ERR_LOGIN_PARAMETER_INVALID`
   */
  readonly named: (name?: string) => Provider;
  /**
   * The provider that a record, a transaction or a request names. Never
   * another one in its place: what one provider has issued says nothing to
   * another (mix-up).
   *
   * @throws {LoginKitError} `ERR_ISSUER_MISMATCH`
   */
  readonly ofIssuer: (issuer: string) => Provider;
  /** Whether `ofIssuer` finds one. */
  readonly knows: (issuer: string) => boolean;
  /** The one that a Logout Token names, which still has to be read; for any other token the default one, which refuses it. */
  readonly ofLogoutToken: (token: string) => Provider;
}

/** What the only provider is called. */
const DEFAULT_NAME = "default";

/** Creates them. Contacts nothing. */
export function createProviders({ config, now, stop }: Ground): Providers {
  const standard = createProvider(config, now, stop);
  const byName = new Map([[DEFAULT_NAME, standard]]);
  const byIssuer = new Map(
    [...byName.values()].map((provider) => [provider.issuer, provider]),
  );
  return {
    named(name = DEFAULT_NAME) {
      const provider = byName.get(name);
      if (provider !== undefined) return provider;
      throw new LoginKitError("ERR_LOGIN_PARAMETER_INVALID", {
        message: `no provider is configured by the name ${printable(name)}`,
      });
    },
    ofIssuer(issuer) {
      const provider = byIssuer.get(issuer);
      if (provider !== undefined) return provider;
      throw new LoginKitError("ERR_ISSUER_MISMATCH", {
        message: `no provider is configured with the issuer ${printable(issuer)}`,
      });
    },
    knows: (issuer) => byIssuer.has(issuer),
    ofLogoutToken: (token) => byIssuer.get(issuerIn(token) ?? "") ?? standard,
  };
}
