/** The parties that an application talks to, bundled so that the demo needs nothing else. */
import type { Server } from "node:http";
import { createBundledProvider } from "./bundled-provider.js";
import type { BundledProvider } from "./bundled-provider.js";
import { BUNDLED_CLIENT } from "./environment.js";
import type { Environment } from "./environment.js";
import { createOrdersApi } from "./orders-api.js";
import { users } from "./provider.js";
import { listen } from "./serve.js";

/** What runs beside the application. */
export interface Parties {
  readonly servers: readonly Server[];
  /** The first provider, unless it is a real one. */
  readonly provider: BundledProvider | undefined;
}

/** Starts the provider and the orders API, each unless the environment names a real one. */
export async function startParties(environment: Environment): Promise<Parties> {
  const { baseUrl, bundled, orders, provider, secondProvider } = environment;
  const resource = orders.resource ?? orders.audience;
  const servers: Server[] = [];
  const providers: BundledProvider[] = [];
  for (const port of [bundled.provider, bundled.secondProvider]) {
    if (port === undefined) continue;
    const started = await startProvider(port, baseUrl, resource);
    servers.push(started.server);
    providers.push(started.provider);
  }
  if (providers.length > 0 && environment.redisUrl !== undefined) {
    console.log(PROVIDER_FORGETS);
  }
  if (bundled.orders !== undefined) {
    const { issuer } = provider;
    const other = secondProvider?.issuer;
    servers.push(
      await startOrdersApi(bundled.orders, issuer, orders.audience, other),
    );
  }
  return { servers, provider: providers[0] };
}

// Logins in Redis outlive this process, but this provider's tokens do not.
const PROVIDER_FORGETS =
  "the bundled provider forgets its tokens when this process stops; to restart the app alone, see the end of .env.example";

/** Starts the provider on a loopback port. */
export async function startProvider(
  port: number,
  baseUrl: string,
  ordersResource: string,
): Promise<{ readonly server: Server; readonly provider: BundledProvider }> {
  const provider = await createBundledProvider({
    ...BUNDLED_CLIENT,
    issuer: `http://localhost:${port}`,
    baseUrls: applicationOrigins(baseUrl),
    ordersResource,
    stepUp: true,
  });
  const server = await listen(provider.app, port, "localhost");
  return { server, provider };
}

/** Starts the orders API on a loopback port. */
export async function startOrdersApi(
  port: number,
  issuer: string,
  audience: string,
  otherIssuer?: string,
): Promise<Server> {
  const origin = `http://localhost:${port}`;
  const api = createOrdersApi({ issuer, audience, otherIssuer, origin });
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
