/**
 * Prepares a run of all tests: finds the Redis server program and Chromium, starts
 * the Redis server that tests share, and tells the tests by environment variables.
 *
 * - `TEST_REDIS_URL`: the shared server; `REDIS_URL` where that is set
 * - `TEST_REDIS_SERVER`: the program for tests that start their own server
 * - `TEST_CHROMIUM`: Chromium's executable
 * - `TEST_RUN_DIRECTORY`: temporary files of this run
 */
import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type * as FindPrograms from "./find-programs.js";
import type * as FreePort from "./free-port.js";
import type * as RedisProcess from "./redis-process.js";

// Jest transforms the files of a global setup, but only where they are required,
// and it does not apply `moduleNameMapper` to them: an import of "./x.js" would
// look for a file of that name.
const require = createRequire(import.meta.url);
const { findChromium, findInstalledRedisServer, findRedisServer } =
  require("./find-programs.ts") as typeof FindPrograms;
const { freePort } = require("./free-port.ts") as typeof FreePort;
const { redisCommand, startRedisProcess } =
  require("./redis-process.ts") as typeof RedisProcess;

/** Runs once, before the first test file. */
export default async function globalSetup(): Promise<void> {
  const chromium = findChromium();
  say(`Chromium: ${chromium.path} (${chromium.version})`);
  process.env["TEST_CHROMIUM"] = chromium.path;

  const redisUrl = process.env["REDIS_URL"] ?? "";
  await (redisUrl === "" ? startSharedRedis() : shareRedisAt(redisUrl));
}

async function startSharedRedis(): Promise<void> {
  const program = findRedisServer();
  say(`Redis: ${program.path} (${program.version})`);
  process.env["TEST_REDIS_SERVER"] = program.path;
  makeRunDirectory();
  const { url } = await startRedisProcess(program.path, freePort);
  process.env["TEST_REDIS_URL"] = url;
}

async function shareRedisAt(url: string): Promise<void> {
  say(`Redis: REDIS_URL (${await versionAt(url)})`);
  process.env["TEST_REDIS_URL"] = url;
  // Whoever brings a server wants none installed. Tests that need one of their
  // own, to freeze it for example, fail and say so when there is no program.
  const program = findInstalledRedisServer();
  if (program !== undefined) process.env["TEST_REDIS_SERVER"] = program.path;
  makeRunDirectory();
}

async function versionAt(url: string): Promise<string> {
  try {
    const info = String(await redisCommand(url, ["INFO", "server"]));
    return /redis_version:(\S+)/.exec(info)?.[1] ?? "version unknown";
  } catch (error) {
    throw new Error(
      `The Redis server at REDIS_URL does not answer: ${String(error)}`,
      { cause: error },
    );
  }
}

function makeRunDirectory(): void {
  process.env["TEST_RUN_DIRECTORY"] = mkdtempSync(
    join(tmpdir(), "express-login-kit-"),
  );
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
