/**
 * Finds the programs that the tests need and npm cannot install: a Redis server,
 * Chromium, and the reverse proxies nginx and HAProxy.
 *
 * Jest loads this file for its global setup, outside its own module system, where
 * "./x.js" is not mapped to "./x.ts": no relative imports here.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program on this computer that answered when asked for its version. */
export interface Program {
  readonly path: string;
  readonly version: string;
}

/** How a program is looked for, and what to tell a person when it is not there. */
interface Wanted {
  /** Names on the PATH, best first. */
  readonly names: readonly string[];
  readonly debianPackage: string;
  /** What to ask for the version. Default `--version`. */
  readonly versionArgument?: string;
  readonly version: RegExp;
  readonly remedy: string;
}

const REDIS_SERVER: Wanted = {
  names: ["redis-server", "valkey-server"],
  debianPackage: "redis-server",
  version: /v=(\S+)/,
  remedy:
    "The tests need a Redis server (7.0 or later) or Valkey. Install one so that redis-server or valkey-server is on the PATH " +
    "(Debian, Ubuntu: apt-get install redis-server; Fedora: dnf install valkey; macOS: brew install redis), or set REDIS_URL to a server for tests.",
};

// The headless shell is the same Chromium without the windows that nobody sees,
// and needs two thirds of the time.
const CHROMIUM: Wanted = {
  names: [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
  ],
  debianPackage: "chromium-headless-shell",
  version: /(\d+(?:\.\d+)+)/,
  remedy:
    "The tests need Chromium. Install it so that chromium-headless-shell, chromium, chromium-browser or google-chrome is on the PATH " +
    "(Debian: apt-get install chromium-headless-shell; Fedora: dnf install chromium-headless), or set CHROMIUM_PATH to its executable.",
};

const NGINX: Wanted = {
  names: ["nginx"],
  debianPackage: "nginx-light",
  versionArgument: "-v",
  version: /nginx\/(\S+)/,
  remedy:
    "The tests of forwarding behind a reverse proxy need nginx. Install it so that nginx is on the PATH " +
    "(Debian, Ubuntu: apt-get install nginx-light; Fedora: dnf install nginx; macOS: brew install nginx).",
};

const HAPROXY: Wanted = {
  names: ["haproxy"],
  debianPackage: "haproxy",
  versionArgument: "-v",
  version: /version (\S+)/,
  remedy:
    "The tests of forwarding behind a reverse proxy need HAProxy. Install it so that haproxy is on the PATH " +
    "(Debian, Ubuntu: apt-get install haproxy; Fedora: dnf install haproxy; macOS: brew install haproxy).",
};

/**
 * The Redis server program: `redis-server` or `valkey-server` on the PATH, else
 * Debian's package, which is then installed.
 *
 * Throws an `Error` that says what to install.
 */
export function findRedisServer(): Program {
  return findInstalledRedisServer() ?? fromDebian(REDIS_SERVER);
}

/** `redis-server` or `valkey-server` on the PATH, if there is one. */
export function findInstalledRedisServer(): Program | undefined {
  return onPath(REDIS_SERVER);
}

/**
 * Chromium for the tests of pages: `CHROMIUM_PATH`, else `chromium`,
 * `chromium-browser` or `google-chrome` on the PATH, else Debian's package, which
 * is then installed.
 *
 * Throws an `Error` that says what to install.
 */
export function findChromium(): Program {
  const path = process.env["CHROMIUM_PATH"];
  // A wrong CHROMIUM_PATH is an error: falling back would test another browser
  // than the one that was asked for.
  if (path !== undefined && path !== "") return ask(path, CHROMIUM);
  return onPath(CHROMIUM) ?? fromDebian(CHROMIUM);
}

/** nginx on the PATH, else Debian's package, which is then installed. Throws an `Error` that says what to install. */
export function findNginx(): Program {
  return onPath(NGINX) ?? fromDebian(NGINX);
}

/** HAProxy on the PATH, else Debian's package, which is then installed. Throws an `Error` that says what to install. */
export function findHaproxy(): Program {
  return onPath(HAPROXY) ?? fromDebian(HAPROXY);
}

function onPath(wanted: Wanted): Program | undefined {
  // Debian puts servers where only root's PATH looks.
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/sbin",
  ];
  for (const name of wanted.names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (folder !== "" && isExecutable(path)) return ask(path, wanted);
    }
  }
  return undefined;
}

function fromDebian(wanted: Wanted): Program {
  const obstacle = aptObstacle();
  if (obstacle !== undefined) {
    throw new Error(
      `${wanted.remedy} It was not installed because ${obstacle}.`,
    );
  }
  process.stdout.write(`Installing Debian's package ${wanted.debianPackage}\n`);
  apt(["update"], wanted);
  apt(
    ["install", "-y", "--no-install-recommends", wanted.debianPackage],
    wanted,
  );
  const program = onPath(wanted);
  if (program === undefined) {
    throw new Error(
      `${wanted.remedy} Debian's package ${wanted.debianPackage} was installed, but brought none of: ${wanted.names.join(", ")}.`,
    );
  }
  return program;
}

function aptObstacle(): string | undefined {
  if (spawnSync("apt-get", ["--version"]).error !== undefined) {
    return "apt-get is not available";
  }
  if (process.getuid?.() !== 0) return "only root may use apt-get";
  return undefined;
}

function apt(args: readonly string[], wanted: Wanted): void {
  const { status, error, stdout, stderr } = spawnSync("apt-get", args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      DEBIAN_FRONTEND: "noninteractive",
      // Debian starts a service when its package is installed. These two keep it
      // from doing so, with System V init and with systemd: the tests start their
      // own servers, on their own ports.
      RUNLEVEL: "1",
      SYSTEMD_OFFLINE: "1",
    },
  });
  if (status === 0) return;
  const lastLines = `${stdout}\n${stderr}`.trim().split("\n").slice(-10);
  throw new Error(
    `${wanted.remedy} "apt-get ${args.join(" ")}" failed:\n${lastLines.join("\n")}`,
    { cause: error },
  );
}

function ask(path: string, wanted: Wanted): Program {
  const { versionArgument = "--version" } = wanted;
  const { status, error, stdout, stderr } = spawnSync(path, [versionArgument], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 30_000,
  });
  if (status !== 0) {
    const reason = error?.message ?? stderr.trim();
    throw new Error(
      `${wanted.remedy} "${path} ${versionArgument}" failed: ${reason}`,
      {
        cause: error,
      },
    );
  }
  const said = `${stdout}${stderr}`;
  return { path, version: wanted.version.exec(said)?.[1] ?? said.trim() };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absent or not executable: both mean "not this one".
    return false;
  }
}
