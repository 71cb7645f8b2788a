/**
 * The packed tarball in projects of its users: plain Node, nothing of this repository.
 */
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import { freePort } from "../support/free-port.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import {
  compile,
  developedWith,
  install,
  NPM_INSTALL_TIMEOUT,
  projectWithKit,
} from "../support/npm-project.js";
import { packed, type Tarball } from "../support/pack.js";
import { createParties, type Parties, signIn } from "../support/parties.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";

const fixtures = resolve("test/package/fixtures");

let project: string;
let tarball: Tarball;

beforeAll(async () => {
  tarball = await packed();
  // Without redis and connect-redis, which are for those who have a Redis.
  project = await projectWithKit("package");
  await copyFile(join(fixtures, "consumer.js"), join(project, "app.mjs"));
  await copyFile(
    join(fixtures, "consumer-commonjs.js"),
    join(project, "app.cjs"),
  );
}, NPM_INSTALL_TIMEOUT);

afterAll(async () => {
  await endNodeProcesses();
  await rm(project, { recursive: true, force: true });
});

describe("the tarball", () => {
  test("holds the built package, its sources for the source maps, and the documents", () => {
    const entries = tarball.files.map((path) => path.replace(/\/.*/, "/"));
    expect([...new Set(entries)].sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "SECURITY.md",
      "dist/",
      "docs/",
      "lib/",
      "package.json",
    ]);
  });

  test("holds no test, no sources of the demo and no settings of a developer", () => {
    expect(
      tarball.files.filter((path) =>
        /\.test\.|fixture|demo-app|tsconfig|\.env/.test(path),
      ),
    ).toEqual([]);
  });
});

test("express-session's debug lines, which name session ids, stay off with DEBUG=*", async () => {
  const program = `
    import "express-login-kit";
    import { createRequire } from "node:module";
    const ofSession = createRequire(import.meta.resolve("express-session"));
    const debug = ofSession("debug");
    console.log("lines of express-session:", debug.enabled("express-session"));
    console.log("other lines:", debug.enabled("other"));
  `;
  const node = startNode(["--input-type=module", "--eval", program], {
    cwd: project,
    env: { DEBUG: "*" },
  });
  await node.prints(/lines of express-session: false\nother lines: true/);
});

describe.each(["app.mjs", "app.cjs"])("an application in %s", (file) => {
  let app: App;
  let parties: Parties;

  beforeEach(async () => {
    ({ app, parties } = await prepare(file));
    await parties.start();
  });

  afterEach(async () => {
    await app.process.end("SIGKILL");
    await parties.stop();
  });

  test("signs a user in and forwards requests, without Redis and its packages", async () => {
    const browser = createTestBrowser();
    const page = await signIn(browser, `${app.url}/me`);
    expect(JSON.parse(page.body)).toMatchObject({
      sub: "alice",
      name: "Alice",
    });
    expect(await ordersOf(browser, app)).toContain("Porcelain teapot");
  });
});

test.each([
  ["ES module", ["--input-type=module", "-e"], "import"],
  ["CommonJS", ["-e"], "require"],
])("recipes load alone, as %s", async (_kind, args, load) => {
  const code = `Promise.resolve(${load}("express-login-kit/providers")).then(({ google }) => { console.log(google().issuer); });`;
  const program = startNode([...args, code], { cwd: project });
  await program.prints(/^https:\/\/accounts\.google\.com$/m);
});

test("the doctor examines the environment without the packages of Redis", async () => {
  const main = join(
    project,
    "node_modules/express-login-kit/dist/bundle/cli/main.js",
  );
  const program = startNode([main, "doctor"], { cwd: project });
  await program.prints(/issuer: is undefined/);
  const withRedis = startNode([main, "doctor"], {
    cwd: project,
    env: { REDIS_URL: "redis://127.0.0.1:9" },
  });
  await withRedis.prints(/npm install redis connect-redis@9/);
});

describe("the provider is down when the application starts", () => {
  let app: App;
  let parties: Parties;

  beforeEach(async () => {
    ({ app, parties } = await prepare("app.mjs"));
  });

  afterEach(async () => {
    await app.process.end("SIGKILL");
    await parties.stop();
  });

  test("login answers with 503, Retry-After and a page that says so", async () => {
    const { response, body } = await createTestBrowser().navigate(
      `${app.url}/login`,
    );
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(body).toContain("<h1>Sign-in is not available right now</h1>");
    expect(body).toContain("ERR_PROVIDER_UNAVAILABLE");
  });

  test("login works once the provider is there, without a restart", async () => {
    const browser = createTestBrowser();
    const before = await browser.request(`${app.url}/login`);
    expect(before.status).toBe(503);
    await parties.start();
    // The kit does not ask a provider again within a second of a failure.
    await until("it is asked again", async () => {
      return (await browser.request(`${app.url}/login`)).status === 303;
    });
    const page = await signIn(browser, `${app.url}/me`);
    expect(JSON.parse(page.body)).toMatchObject({ sub: "alice" });
  });
});

test("a file that is away at the first sign-in costs a 503, and no restart", async () => {
  const { app, parties } = await prepare("app.mjs");
  await parties.start();
  const bundle = join(project, "node_modules/express-login-kit/dist/bundle");
  const name = (await readdir(bundle)).find((file) =>
    /^provider-requests-.*\.js$/.test(file),
  );
  const file = join(bundle, name ?? "provider-requests");
  const browser = createTestBrowser();
  try {
    await rename(file, `${file}.away`);
    const answer = await browser.fetchJson(`${app.url}/login`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: "ERR_PROVIDER_UNAVAILABLE",
    });
    await rename(`${file}.away`, file);
    const page = await signIn(browser, `${app.url}/me`);
    expect(JSON.parse(page.body)).toMatchObject({ sub: "alice" });
  } finally {
    await app.process.end("SIGKILL");
    await parties.stop();
  }
});

describe("in TypeScript", () => {
  beforeAll(async () => {
    await install(
      project,
      await developedWith("redis", "connect-redis", "@types/node"),
    );
  }, NPM_INSTALL_TIMEOUT);

  test("an application compiles, as ES module and as CommonJS, with every declaration file checked", async () => {
    const folder = join(project, "typescript");
    await mkdir(folder);
    for (const name of ["app.mts", "app.cts"]) {
      await copyFile(join(fixtures, "consumer.ts"), join(folder, name));
    }
    expect(await compile(folder)).toBe("");
  }, 240_000);
});

/** An application that runs in the project. */
interface App {
  readonly url: string;
  readonly process: NodeProcess;
}

/** Starts an application; its provider and the orders API are prepared, not started. */
async function prepare(file: string): Promise<{ app: App; parties: Parties }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const parties = await createParties([url]);
  const started = startNode([file], {
    cwd: project,
    env: { ...parties.env, BASE_URL: url, PORT: String(port) },
  });
  await started.prints(/listening/);
  return { app: { url, process: started }, parties };
}

async function ordersOf(browser: TestBrowser, { url }: App): Promise<string> {
  const answer = await browser.fetchJson(`${url}/api/orders`);
  return await answer.text();
}
