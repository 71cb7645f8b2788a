/** The parties that an application talks to, bundled so that the demo needs nothing else. */
import type { Server } from "node:http";
import { BUNDLED_CLIENT } from "./environment.js";
import type { Environment } from "./environment.js";
import { createOrdersApi } from "./orders-api.js";
import { createProvider, users } from "./provider.js";
import { listen } from "./serve.js";

/** Starts the provider and the orders API, each unless the environment names a real one. */
export async function startParties(
  environment: Environment,
): Promise<readonly Server[]> {
  const { baseUrl, bundled, provider, orders } = environment;
  const servers: Server[] = [];
  if (bundled.provider !== undefined) {
    const resource = orders.resource ?? orders.audience;
    servers.push(await startProvider(bundled.provider, baseUrl, resource));
    if (bundled.secondProvider !== undefined) {
      const port = bundled.secondProvider;
      servers.push(await startProvider(port, baseUrl, resource));
    }
    if (environment.redisUrl !== undefined) console.log(PROVIDER_FORGETS);
  }
  if (bundled.orders !== undefined) {
    const { issuer } = provider;
    const other = environment.secondProvider?.issuer;
    servers.push(
      await startOrdersApi(bundled.orders, issuer, orders.audience, other),
    );
  }
  return servers;
}

// Logins in Redis outlive this process, but this provider's tokens do not.
const PROVIDER_FORGETS =
  "the bundled provider forgets its tokens when this process stops; to restart the app alone, see the end of .env.example";

/** Starts the provider on a loopback port. */
export async function startProvider(
  port: number,
  baseUrl: string,
  ordersResource: string,
): Promise<Server> {
  const { app, provider } = await createProvider({
    ...BUNDLED_CLIENT,
    issuer: `http://localhost:${port}`,
    baseUrls: applicationOrigins(baseUrl),
    ordersResource,
  });
  provider.on("backchannel.error", (_ctx, error) => {
    console.error(`backchannel-logout failed: ${error.message}`);
  });
  return await listen(app, port, "localhost");
}

/** Starts the orders API on a loopback port. */
export async function startOrdersApi(
  port: number,
  issuer: string,
  audience: string,
  otherIssuer?: string,
): Promise<Server> {
  const api = createOrdersApi({ issuer, audience, otherIssuer });
  return await listen(api, port, "localhost");
}

/** What the terminal adds to the address: the bundled provider's users. */
export function whoCanSignIn(environment: Environment): string {
  if (environment.bundled.provider === undefined) return "";
  const names = users.map(({ sub }) => sub).join(" or ");
  return ` and sign in as ${names} (no password)`;
}

/** This application, and room for more processes of it on the ports 3000 to 3009. */
function applicationOrigins(baseUrl: string): readonly string[] {
  const more = Array.from(
    { length: 10 },
    (_, index) => `http://localhost:${3000 + index}`,
  );
  return [...new Set([baseUrl, ...more])];
}
