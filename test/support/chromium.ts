/**
 * Launches Chromium for the tests that need real pages.
 */
import {
  type Browser,
  type BrowserContext,
  chromium,
  type LaunchOptions,
} from "playwright-core";

/**
 * Features that no test needs. Of several such switches the last one alone counts,
 * so what Playwright turns off by itself is named here as well.
 */
const FEATURES_OFF = [
  // Two pages of the address bar, which is never seen, for each window: they
  // take more CPU than the page under test.
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
  // Playwright's.
  "AimEnabled",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsFirstBalancedModeAutoEnable",
  "HttpsUpgrades",
  "LensOverlay",
  "MediaRouter",
  "NetworkTimeServiceQuerying",
  "OptimizationHints",
  "PaintHolding",
  "PreconnectToSearch",
  "ThirdPartyStoragePartitioning",
];

/** Launches a headless Chromium with an empty profile; close it in `afterAll`. */
export function launchChromium(more: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({ ...launchOptions(), ...more });
}

/** Launches one with the profile in this folder, which stays when it is closed. */
export function openProfile(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, launchOptions());
}

function launchOptions(): LaunchOptions {
  const executablePath = process.env["TEST_CHROMIUM"];
  if (executablePath === undefined) {
    throw new Error(
      "TEST_CHROMIUM is not set: run the tests with Jest, whose global setup finds Chromium.",
    );
  }
  return {
    executablePath,
    headless: true,
    args: [
      // Chromium's sandbox does not start as root, which is what containers run as.
      "--no-sandbox",
      // Nothing but the pages under test may reach for the network.
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-gpu",
      "--no-first-run",
      `--disable-features=${FEATURES_OFF.join()}`,
    ],
  };
}
