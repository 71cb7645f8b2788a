/** Resource servers whose addresses tests compare with others. */
import { type Config, readConfig } from "../../lib/config/config.js";
import { LoginKitError } from "../../lib/base/errors.js";
import type { ResourceServerOptions } from "../../lib/config/options.js";
import { resourceServerNamed } from "../../lib/resource/resource-servers.js";

/** Where the resource server "orders" is. */
export const BASE = "https://orders.example/v1";

/** Some resource servers. */
export const config = configWith({
  orders: BASE,
  files: "https://files.example",
  admin: "https://orders.example/admin/",
  local: "http://127.0.0.1:4000/api",
});

/** The configuration with resource servers of these names, at these URLs. */
export function configWith(urls: Record<string, string>): Config {
  return readWith(
    Object.fromEntries(
      Object.entries(urls).map(([name, url]) => [name, { url }]),
    ),
  );
}

/** The configuration with these resource servers. */
export function readWith(
  resourceServers: Readonly<Record<string, ResourceServerOptions>>,
): Config {
  return readConfig(
    {
      issuer: "https://op.example",
      clientId: "shop",
      clientSecret: "a client secret",
      baseUrl: "https://shop.example",
      session: { secret: "a session secret of thirty-two characters" },
      resourceServers,
    },
    { nodeEnv: "test" },
  );
}

/** One of {@link config}. */
export function server(name: string) {
  return resourceServerNamed(config, name);
}

/** The code of the error that a call ends with. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof LoginKitError) return error.code;
    throw error;
  }
  return "no error";
}
