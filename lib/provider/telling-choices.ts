/** Tells once what protects the logins of a provider, and again when its metadata has changed that. */
import type { ProviderConfig } from "../config/provider-config.js";
import type { LoginKitEmitter } from "../telling/events.js";
import type { DiscoveredProvider } from "./discovery.js";
import { inOneLine, securityChoices } from "./security-choices.js";

/**
 * Creates what is told each time that the provider was found.
 *
 * @param notice writes a line for the developer
 */
export function tellingChoices(
  config: ProviderConfig,
  { emit }: Pick<LoginKitEmitter, "emit">,
  notice: (line: string) => void,
): (
  provider: Pick<DiscoveredProvider, "metadata" | "senderConstraint">,
) => void {
  let told: string | undefined;
  return ({ metadata, senderConstraint }) => {
    const choices = securityChoices(config, metadata, senderConstraint);
    const summary = inOneLine(choices);
    if (summary === told) return;
    told = summary;
    const { name, issuer } = config;
    emit("provider.found", { provider: name, issuer, choices, summary });
    notice(`at ${issuer} logins use ${summary}`);
  };
}
