/** The providers of one kit as values: by name, and by what names them. */
import type { ProviderConfig } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import type { LoginOwner } from "../config/known-providers.js";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { loadRequests } from "./load-requests.js";
import { createProvider, type Provider } from "./provider.js";
import { noticeOnce } from "../telling/notice.js";
import { tellingChoices } from "./telling-choices.js";

/**
 * All of them. Never another one in place of the one that is meant: what one
 * provider has issued says nothing to another (mix-up).
 *
 * Where the option `findProvider` is asked and fails, all reject with
 * `ERR_PROVIDER_UNAVAILABLE`.
 */
export interface Providers {
  /**
   * The provider with this name.
   *
   * @throws {LoginKitError} `ERR_PROVIDER_UNKNOWN`
   */
  readonly named: (name: string) => Promise<Provider>;
  /**
   * The provider that a login, or what is left of it, is from.
   *
   * @throws {LoginKitError} `ERR_ISSUER_MISMATCH`
   */
  readonly of: (owner: LoginOwner) => Promise<Provider>;
  /** The providers that have this issuer, as far as they are known; with a name, the one that is called so. */
  readonly issuing: (
    issuer: string,
    name?: string,
  ) => Promise<readonly Provider[]>;
  /**
   * The one that a Logout Token names, which still has to be read.
   *
   * @throws {LoginKitError} `ERR_LOGOUT_TOKEN_INVALID` where it names none, or more than one
   */
  readonly ofLogoutToken: (token: string, name?: string) => Promise<Provider>;
}

/** Creates them. Contacts nothing. */
export function createProviders({
  config,
  knownProviders,
  now,
  stop,
  telemetry,
  events,
}: Ground): Providers {
  // Those whose options have changed go with their configuration.
  const made = new WeakMap<ProviderConfig, Provider>();
  const valueOf = (provider: ProviderConfig): Provider => {
    const value =
      made.get(provider) ??
      createProvider(provider, now, stop, {
        telemetry,
        onFound: tellingChoices(provider, events, (line) => {
          if (config.explainsErrors) noticeOnce(config, line);
        }),
      });
    made.set(provider, value);
    return value;
  };
  const { only } = knownProviders;
  const listed =
    config.providers.size === 0
      ? "; findProvider found none"
      : `; providers has ${[...config.providers.keys()].join(", ")}${config.findProvider === undefined ? "" : ", and findProvider found none"}`;
  const named = async (name: string): Promise<Provider> => {
    const provider = await knownProviders.named(name);
    if (provider !== undefined) return valueOf(provider);
    throw new LoginKitError("ERR_PROVIDER_UNKNOWN", {
      message: `there is no provider of the name ${printable(name)}${listed}`,
    });
  };
  const issuing: Providers["issuing"] = async (issuer, name) => {
    if (name === undefined) return knownProviders.issuing(issuer).map(valueOf);
    const provider = await knownProviders.of({ provider: name, issuer });
    return provider === undefined ? [] : [valueOf(provider)];
  };
  return {
    named,
    async of(owner) {
      const provider = await knownProviders.of(owner);
      if (provider !== undefined) return valueOf(provider);
      throw new LoginKitError("ERR_ISSUER_MISMATCH", {
        message: `no provider is called ${printable(owner.provider)} and has the issuer ${printable(owner.issuer)}`,
      });
    },
    issuing,
    async ofLogoutToken(token, name) {
      if (only !== undefined) return valueOf(only);
      const { claimsIn } = await loadRequests();
      const { iss, aud = [] } = claimsIn(token) as Record<string, unknown>;
      const audiences: unknown[] = [aud].flat();
      const meant = await issuing(typeof iss === "string" ? iss : "", name);
      const [provider, ...others] = meant.filter(({ clientId }) =>
        audiences.includes(clientId),
      );
      if (provider !== undefined && others.length === 0) return provider;
      if (provider !== undefined) {
        // To end the logins of one of them would leave those that are meant.
        throw new LoginKitError("ERR_LOGOUT_TOKEN_INVALID", {
          message: `several providers have the issuer and the client that the Logout Token names; register ${provider.config.paths.backchannelLogout}/<name of the provider> as backchannel_logout_uri`,
        });
      }
      throw new LoginKitError("ERR_LOGOUT_TOKEN_INVALID", {
        message: `no provider has the issuer and the client that the Logout Token names${name === undefined ? "" : `, and the name ${printable(name)}`}`,
      });
    },
  };
}
