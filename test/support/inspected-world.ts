/** A lying world with an inspector and a resource server, and all that is really sent between the parties. */
import type { Express } from "express";

import type {
  LoginKit,
  LoginKitOptions,
  OutgoingFetch,
} from "../../lib/index.js";
import {
  inspector,
  type InspectorOptions,
  type Item,
  type Run,
} from "../../lib/inspector/index.js";
import {
  testResourceServer,
  type TestResourceServer,
} from "../../lib/testing/index.js";
import {
  type LyingWorld,
  type LyingWorldOptions,
  lyingWorld,
} from "./lying-world.js";
import { createTestBrowser, type TestBrowser } from "./test-browser.js";

/** What the application and the provider said to each other, as it was. */
export interface Exchanged {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
  readonly answer: string;
}

/** The world. */
export interface InspectedWorld extends LyingWorld {
  readonly orders: TestResourceServer;
  readonly exchanged: readonly Exchanged[];
  /** A browser that has opened the inspector. */
  readonly viewer: () => Promise<TestBrowser>;
  /** What a browser's inspector has recorded. */
  readonly runsOf: (browser: TestBrowser) => Promise<readonly Run[]>;
}

/** Where the inspector is. */
export const INSPECTOR = "/__login";

/**
 * Builds it; close it in the end.
 *
 * @param reach where the application finds the resource server at this address. Default: there
 */
export async function inspectedWorld(
  {
    kit = {},
    inspect = {},
    routes,
    ...others
  }: Omit<LyingWorldOptions, "kit"> & {
    readonly kit?: Partial<LoginKitOptions>;
    readonly inspect?: InspectorOptions;
  } = {},
  reach: (url: string) => Promise<string> = (url) => Promise.resolve(url),
): Promise<InspectedWorld> {
  const orders = await testResourceServer();
  const exchanged: Exchanged[] = [];
  const w = await lyingWorld({
    ...others,
    kit: {
      fetch: recording(exchanged),
      resourceServers: { orders: { url: await reach(orders.url) } },
      ...kit,
    },
    routes(app: Express, loginKit: LoginKit) {
      app.use(INSPECTOR, inspector(loginKit, inspect));
      app.use("/api", loginKit.requireAuth(), loginKit.forward("orders"));
      routes?.(app, loginKit);
    },
  });
  return {
    ...w,
    orders,
    exchanged,
    async viewer() {
      const browser = createTestBrowser();
      await browser.navigate(`${w.url}${INSPECTOR}/`);
      return browser;
    },
    async runsOf(browser) {
      const answer = await browser.fetchJson(`${w.url}${INSPECTOR}/runs`);
      return ((await answer.json()) as { runs: readonly Run[] }).runs;
    },
    async close() {
      await w.close();
      await orders.close();
    },
  };
}

/** Node's fetch, that remembers. */
function recording(exchanged: Exchanged[]): OutgoingFetch {
  return async (url, request) => {
    const response = await fetch(url, request);
    const answer = await response.clone().text();
    exchanged.push({
      method: request.method,
      path: new URL(url).pathname,
      headers: request.headers,
      body: typeof request.body === "string" ? request.body : "",
      status: response.status,
      answer,
    });
    return response;
  };
}

/** An item in a line: `browser>app GET /login`, and `(…)` where the application has not seen it. */
export function lineOf(item: Item): string {
  if (item.is === "note") return item.event ?? "note";
  const { from, to, label, isSeen } = item;
  const line = `${from}>${to} ${label}`;
  return isSeen ? line : `(${line})`;
}

/** The arrows of a run, each in a line. */
export function arrowsOf({ items }: Run): readonly string[] {
  return items.filter(({ is }) => is === "arrow").map(lineOf);
}
