/**
 * The parties that applications in processes of their own talk to: a provider and
 * the orders API.
 */
import { createOrdersApi } from "../../demo-app/orders-api.js";
import { createProvider } from "../../demo-app/provider.js";
import { listen } from "../../demo-app/serve.js";
import { freePort } from "./free-port.js";
import { freshProviderMemory } from "./signing-key.js";
import type { Page, TestBrowser } from "./test-browser.js";
import {
  CLIENT_ID,
  CLIENT_SECRET,
  ORDERS_RESOURCE,
  SCOPE,
  SESSION_SECRET,
} from "./world.js";

/** A provider and the orders API, on ports of the loopback interface. */
export interface Parties {
  /** What applications are told, in the words of `.env.example`. */
  readonly env: Readonly<Record<string, string>>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Prepares the parties; nobody listens before `start`.
 *
 * @param baseUrls - origins of the applications that may sign users in
 */
export async function createParties(
  baseUrls: readonly string[],
): Promise<Parties> {
  const providerPort = await freePort();
  const ordersPort = await freePort();
  const issuer = `http://127.0.0.1:${providerPort}`;
  const ends: (() => Promise<void>)[] = [];
  return {
    env: {
      OIDC_ISSUER: issuer,
      OIDC_CLIENT_ID: CLIENT_ID,
      OIDC_CLIENT_SECRET: CLIENT_SECRET,
      OIDC_SCOPE: SCOPE,
      OIDC_PROMPT: "consent",
      ORDERS_URL: `http://127.0.0.1:${ordersPort}/v1/orders`,
      ORDERS_RESOURCE,
      SESSION_SECRET,
    },
    async start() {
      const { app } = await createProvider({
        issuer,
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        baseUrls,
        ordersResource: ORDERS_RESOURCE,
        memory: await freshProviderMemory(),
        overrides: { features: { dPoP: { enabled: false } } },
      });
      const api = createOrdersApi({ issuer, audience: ORDERS_RESOURCE });
      for (const server of [
        await listen(app, providerPort, "127.0.0.1"),
        await listen(api, ordersPort, "127.0.0.1"),
      ]) {
        ends.push(async () => {
          server.closeAllConnections();
          await new Promise((resolve) => server.close(resolve));
        });
      }
    },
    async stop() {
      await Promise.all(ends.splice(0).map((end) => end()));
    },
  };
}

/** Opens a page and does what the provider asks for on the way to it. */
export async function signIn(
  browser: TestBrowser,
  url: string,
  user = "alice",
): Promise<Page> {
  let page = await browser.navigate(url);
  // The provider may know the browser already, and then asks less.
  if (page.body.includes("Who is there?")) {
    page = await browser.submitForm(page, {}, { button: user });
  }
  if (page.body.includes('value="allow"')) {
    page = await browser.submitForm(page, {}, { button: "allow" });
  }
  return page;
}
