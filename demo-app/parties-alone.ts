/** Runs the provider and the orders API by themselves, so that the application can be restarted or run twice. */
import {
  BUNDLED_CLIENT,
  BUNDLED_RESOURCE,
  BUNDLED_SCOPE,
} from "./environment.js";
import { startOrdersApi, startProvider } from "./parties.js";
import { choosePorts } from "./ports.js";
import { stopOnSignals } from "./serve.js";
import { createSettings } from "./settings.js";

const settings = createSettings(process.env);
const ports = await choosePorts("localhost", settings, {
  PORT: false,
  PROVIDER_PORT: true,
  ORDERS_PORT: true,
  SECOND_PROVIDER_PORT: false,
});
const baseUrl = settings.origin("BASE_URL") ?? "http://localhost:3000";
if (settings.problems.length > 0) {
  console.error(settings.problems.join("\n"));
  process.exit(1);
}

const issuer = `http://localhost:${ports.PROVIDER_PORT}`;
const { server } = await startProvider(
  ports.PROVIDER_PORT,
  baseUrl,
  BUNDLED_RESOURCE,
);
stopOnSignals(server, [
  await startOrdersApi(ports.ORDERS_PORT, issuer, BUNDLED_RESOURCE),
]);

console.log(`Provider and orders API are running. Settings for the application:

OIDC_ISSUER=${issuer}
OIDC_CLIENT_ID=${BUNDLED_CLIENT.clientId}
OIDC_CLIENT_SECRET=${BUNDLED_CLIENT.clientSecret}
OIDC_SCOPE="${BUNDLED_SCOPE}"
OIDC_PROMPT=consent
ORDERS_URL=http://localhost:${ports.ORDERS_PORT}/v1/orders
ORDERS_RESOURCE=${BUNDLED_RESOURCE}`);
