/**
 * Node 20 cannot strip types, so Jest loads this file through ts-node. ts-node
 * must not read tsconfig.json: `verbatimModuleSyntax` and `nodenext` are right
 * for the library and wrong for a file that Jest will `require()`.
 *
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"skipProject": true, "transpileOnly": true, "compilerOptions": {"module": "commonjs", "moduleResolution": "bundler"}}
 */
import { readFileSync } from "node:fs";

import type { Config } from "jest";

/**
 * What `npm run test:fast` has of integration: the steps of a login, and what
 * notices a fault that matters for security.
 */
function fastIntegration(): string[] {
  const mutants = JSON.parse(
    readFileSync("test/mutants/mutants.json", "utf8"),
  ) as { readonly test: string }[];
  const noticing = mutants
    .map(({ test }) => test)
    .filter((test) => test.startsWith("test/integration/"));
  return ["test/integration/[1-7]-*.test.ts", ...new Set(noticing)];
}

/** What it leaves to `npm test` all the same, by its path in test/, and why. */
const NOT_FAST: Readonly<Record<string, string>> = {
  "integration/stores/": "Cluster, Sentinel, servers that hang or are away",
  "integration/4-forward-limits":
    "limits in seconds, of silence and of slowness",
  "integration/4-forward-streams": "answers that last longer than a limit",
  "integration/5-logout-page": "Chromium",
  "integration/forms": "a form that takes ten seconds",
  "integration/forward-kept-connections": "connections that wait for seconds",
  "integration/interleaved-sign-ins": "sign-ins in random orders",
  "integration/refresh-two-processes": "processes of their own",
  "integration/refresh.test": "providers that do not answer in time",
  "integration/sessions": "a store and a provider that do not answer in time",
  "integration/step-up-clocks": "clocks in any order",
  "integration/token-refusals": "33 refusals, each in three places",
  "security/damaged-store": "each record, damaged in each way",
  "security/forward-answers": "a thousand answers in any order",
  "security/forward-attacks":
    "a corpus over sockets; unit/forward-targets stays",
  "security/forward-csrf": "Chromium",
  "security/forward-destinations": "Chromium",
  "security/logout-csrf": "Chromium",
  "security/logout-races": "races",
  "security/open-redirects":
    "a login for each of a corpus; unit/return-to stays",
  "security/provider-echo": "each endpoint repeats all that it was sent",
  "security/token-races": "hundreds of races",
  "unit/api-reference": "TypeDoc",
  "unit/documented-code": "a TypeScript program",
  "unit/public-api": "a TypeScript program",
};

const isFast = process.env["TEST_FAST"] === "1";

const config: Config = {
  testEnvironment: "<rootDir>/test/support/environment.js",
  // Apart, and the only root where they run: volume (`npm run test:load`), and
  // what is published (`npm run check:package`).
  roots: [
    "<rootDir>/test/unit",
    "<rootDir>/test/integration",
    "<rootDir>/test/security",
    ...(isFast ? [] : ["<rootDir>/test/conformance", "<rootDir>/test/e2e"]),
  ],
  ...(isFast && {
    testMatch: ["test/{unit,security}/**/*.test.ts", ...fastIntegration()].map(
      (path) => `<rootDir>/${path}`,
    ),
  }),
  testPathIgnorePatterns: [
    "/node_modules/",
    ...(isFast ? Object.keys(NOT_FAST).map((path) => `/test/${path}`) : []),
  ],
  globalSetup: "<rootDir>/test/support/global-setup.ts",
  globalTeardown: "<rootDir>/test/support/global-teardown.ts",
  testSequencer: "<rootDir>/test/support/sequencer.js",
  reporters: ["default", "<rootDir>/test/support/summary-reporter.js"],
  // Chromium and the Redis Cluster need seconds where a function needs none, and
  // a busy machine needs more of them.
  testTimeout: 120_000,
  // The kit's own start-up lines; see them with --silent=false.
  silent: true,
  // Half of the time a worker waits for timers, browsers and servers: on two
  // cores a third and a fourth one use it.
  maxWorkers: 4,
  // As many as there are kinds of Redis clients: such tests wait, and do little else.
  maxConcurrency: 6,
  extensionsToTreatAsEsm: [".ts"],
  // Sources import "./x.js" as nodenext asks; the file on disk is "./x.ts".
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  transform: {
    "^.+\\.ts$": ["ts-jest", { useESM: true, tsconfig: "test/tsconfig.json" }],
  },
};

export default config;
