/**
 * Node 20 cannot strip types, so Jest loads this file through ts-node. ts-node
 * must not read tsconfig.json: `verbatimModuleSyntax` and `nodenext` are right
 * for the library and wrong for a file that Jest will `require()`.
 *
 * @jest-config-loader ts-node
 * @jest-config-loader-options {"skipProject": true, "transpileOnly": true, "compilerOptions": {"module": "commonjs", "moduleResolution": "bundler"}}
 */
import type { Config } from "jest";

const config: Config = {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  globalSetup: "<rootDir>/test/support/global-setup.ts",
  globalTeardown: "<rootDir>/test/support/global-teardown.ts",
  reporters: ["default", "<rootDir>/test/support/summary-reporter.js"],
  // Chromium and the Redis Cluster need seconds where a function needs none, and
  // a busy machine needs more of them.
  testTimeout: 120_000,
  // The kit's own start-up lines; see them with --silent=false.
  silent: true,
  maxWorkers: 2,
  extensionsToTreatAsEsm: [".ts"],
  // Sources import "./x.js" as nodenext asks; the file on disk is "./x.ts".
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  transform: {
    "^.+\\.ts$": ["ts-jest", { useESM: true, tsconfig: "test/tsconfig.json" }],
  },
};

export default config;
