/** The inspector in Chromium, light, dark and at 360 pixels: readable for everybody, nothing sticks out. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Browser, Page } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import { allRuns } from "../support/inspector-runs.js";
import {
  type InspectorViewer,
  lookAtInspector,
} from "../support/inspector-viewer.js";

const AXE = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);
/** What axe finds, each as one line. */
const VIOLATIONS = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + " " + target + ": " + failureSummary)))`;
const STICKS_OUT = `document.documentElement.scrollWidth - document.documentElement.clientWidth`;

let chromium: Browser;
let viewer: InspectorViewer;

beforeAll(async () => {
  chromium = await launchChromium();
});
afterAll(async () => {
  await chromium.close();
});

afterEach(async () => {
  await viewer.close();
});

async function problemsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const violations = await page.evaluate<string[]>(VIOLATIONS);
  const tooWide = await page.evaluate<number>(STICKS_OUT);
  return [...violations, ...(tooWide > 0 ? [`${tooWide} px too wide`] : [])];
}

/** Opens the arrow with this step. */
const open =
  (step: number) =>
  async (page: Page): Promise<void> => {
    await page
      .getByRole("button", { name: new RegExp(`, step ${step}\\b`) })
      .click();
    await page.getByText("What browser and store hold now").click();
    await page.getByText("In the store: Redis").waitFor();
  };
const nothing = (): Promise<void> => Promise.resolve();

const VIEWS: [string, string, (page: Page) => Promise<void>][] = [
  ["a login", "#run=run-1", nothing],
  ["an open request", "#run=run-1", open(5)],
  ["an open ID Token", "#run=run-1", open(9)],
  ["a run that failed", "#run=run-5", nothing],
  ["a refresh with a call", "#run=run-2", open(4)],
  ["a logout", "#run=run-3", nothing],
  ["a comparison", "#run=run-1&with=run-5", nothing],
  ["the playground", "#playground", nothing],
  ["what is held", "#held", nothing],
];

describe.each([
  ["light", 1400],
  ["dark", 1400],
  ["light", 360],
  ["dark", 360],
] as const)("%s, %i pixels wide", (colorScheme, width) => {
  test.each(VIEWS)("%s has no violation", async (_title, hash, act) => {
    viewer = await lookAtInspector(chromium, {
      ...{ runs: allRuns(), hash, colorScheme, reducedMotion: "reduce" },
      viewport: { width, height: 800 },
    });
    await act(viewer.page);
    // Before axe comes, which does what this policy forbids.
    expect(viewer.complaints).toEqual([]);
    expect(await problemsOf(viewer.page)).toEqual([]);
  });
});

test("without a run it has no violation", async () => {
  viewer = await lookAtInspector(chromium);
  expect(await problemsOf(viewer.page)).toEqual([]);
});
