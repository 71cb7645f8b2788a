/** Looks at the inspector's page in Chromium, and notes what the browser complains about. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

import { type InspectorPage, inspectorPage } from "./inspector-page.js";
import type { Run } from "../../lib/inspector/model.js";

/** A page that is looked at, over runs that the test gives. */
export interface InspectorViewer {
  readonly page: Page;
  readonly served: InspectorPage;
  /** Errors and warnings of the console, broken policies, what a script threw. */
  readonly complaints: string[];
  readonly close: () => Promise<void>;
}

/** How it is looked at. */
interface Look extends BrowserContextOptions {
  readonly runs?: Run[];
  /** Where on the page; default: the newest run. */
  readonly hash?: string;
}

/** Starts the server, and opens its page. */
export async function lookAtInspector(
  chromium: Browser,
  { runs = [], hash = "", ...options }: Look = {},
): Promise<InspectorViewer> {
  const served = await inspectorPage(runs);
  const context = await chromium.newContext({
    viewport: { width: 1400, height: 900 },
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", ({ message }) => complaints.push(message));
  await page.goto(served.url + hash);
  await page.getByText("Live", { exact: true }).waitFor();
  return {
    page,
    served,
    complaints,
    async close() {
      await context.close();
      await served.close();
    },
  };
}
