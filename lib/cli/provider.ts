/** A provider for development, with an API beside it: who tries the kit needs no account anywhere. */
import { testProvider } from "../testing/test-provider.js";
import { testResourceServer } from "../testing/test-resource-server.js";

/** How the provider differs from the usual one. */
export interface DevelopmentOptions {
  readonly port: number;
  readonly apiPort: number;
  /** How long each request waits, in seconds. */
  readonly slowSeconds: number;
  readonly accessTokenSeconds: number;
}

/** What runs. */
export interface DevelopmentParties {
  /** The settings that an application needs, as lines of `.env`. */
  readonly settings: string;
  readonly close: () => Promise<void>;
}

/** Who can sign in. The roles are for trying guards. */
const USERS = {
  alice: {
    name: "Alice",
    email: "alice@example.com",
    email_verified: true,
    roles: ["admin", "user"],
  },
  bob: {
    name: "Bob",
    email: "bob@example.com",
    email_verified: true,
    roles: ["user"],
  },
};

/**
 * Starts both on loopback. Any application may use the provider's one client,
 * from any address: it protects nothing.
 *
 * @throws {Error} where a port is taken
 */
export async function startDevelopmentParties({
  port,
  apiPort,
  slowSeconds,
  accessTokenSeconds,
}: DevelopmentOptions): Promise<DevelopmentParties> {
  const provider = await testProvider({
    port,
    users: USERS,
    accessTokenSeconds,
  });
  provider.slow(slowSeconds);
  const api = await testResourceServer({ port: apiPort });
  const { issuer, clientId, clientSecret } = provider;
  return {
    settings: `OIDC_ISSUER=${issuer}
OIDC_CLIENT_ID=${clientId}
OIDC_CLIENT_SECRET="${clientSecret}"
SHOP_API_URL=${api.url}
`,
    async close() {
      await Promise.all([provider.close(), api.close()]);
    },
  };
}
