/**
 * Processes of one application whose logins have to be refreshed: with a provider
 * that ends a login when a refresh token is used twice, and a Redis that keeps its data.
 */
import { createOrdersApi } from "../../demo-app/orders-api.js";
import { passSeconds, releaseClock, takeClock } from "./clock.js";
import { freePort } from "./free-port.js";
import { type KeptRedis, startKeptRedis } from "./kept-redis.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "./node-process.js";
import { createTestBrowser, type TestBrowser } from "./test-browser.js";
import {
  kitOptions,
  listening,
  ORDERS_RESOURCE,
  type Party,
  type ProviderParty,
  signInAsPerson,
  startProvider,
} from "./world.js";

/** Past the life of an access token, in seconds. */
export const EXPIRY = 61;

/** One process of the application. */
export interface RefreshingApp {
  readonly url: string;
  readonly process: NodeProcess;
}

/** What the processes live in. */
export interface RefreshingWorld {
  readonly provider: ProviderParty;
  readonly redis: KeptRedis;
  /** The processes that were started and not ended. */
  readonly apps: Set<RefreshingApp>;
  /** Starts one more process, with everybody's clock. */
  readonly startApp: (options?: object) => Promise<RefreshingApp>;
  /** Signs in so many browsers, each a login of its own. */
  readonly signIn: (
    app: RefreshingApp,
    count: number,
  ) => Promise<TestBrowser[]>;
  /** Moves the clocks of provider and processes. */
  readonly passEverywhere: (seconds: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts provider, Redis and resource server; close it in the end. */
export async function refreshingWorld(): Promise<RefreshingWorld> {
  takeClock();
  const baseUrl = `http://127.0.0.1:${String(await freePort())}`;
  const redis = await startKeptRedis();
  const provider = await startProvider([baseUrl]);
  const orders: Party & Awaited<ReturnType<typeof listening>> =
    await listening();
  orders.serve(
    createOrdersApi({ issuer: provider.url, audience: ORDERS_RESOURCE }),
  );
  const apps = new Set<RefreshingApp>();
  let passed = 0;
  let ports = 0;

  return {
    provider,
    redis,
    apps,
    async startApp(options = {}) {
      // People sign in at the first one.
      const url =
        ports++ === 0
          ? baseUrl
          : `http://127.0.0.1:${String(await freePort())}`;
      const started = startNode(["test/integration/fixtures/refresh-app.js"], {
        env: {
          REDIS_URL: redis.url,
          PORT: new URL(url).port,
          MOVED_BY: String(passed * 1000),
          KIT_OPTIONS: JSON.stringify({
            ...kitOptions({
              appUrl: baseUrl,
              providerUrl: provider.url,
              ordersUrl: orders.url,
            }),
            ...options,
          }),
        },
      });
      await started.prints(/listening/);
      const app = { url, process: started };
      apps.add(app);
      return app;
    },
    async signIn(app, count) {
      const browsers: TestBrowser[] = [];
      for (let index = 0; index < count; index++) {
        const browser = createTestBrowser();
        await signInAsPerson({ browser, appUrl: app.url });
        browsers.push(browser);
      }
      return browsers;
    },
    async passEverywhere(seconds) {
      passed += seconds;
      passSeconds(seconds);
      await Promise.all(
        [...apps].map(({ url }) =>
          createTestBrowser().fetchJson(
            `${url}/clock?seconds=${String(seconds)}`,
            { method: "POST" },
          ),
        ),
      );
    },
    async close() {
      releaseClock();
      await endNodeProcesses();
      await Promise.all([provider.close(), orders.close()]);
      await redis.stop();
    },
  };
}

/** Asks for what needs a token; the status, or 0 where no answer came. */
export async function askForOrders(
  browser: TestBrowser,
  { url }: RefreshingApp,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  try {
    const answer = await browser.fetchJson(`${url}/api/orders`, { headers });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}
