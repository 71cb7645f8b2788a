/** `express-login-kit provider`: who tries the kit needs no account anywhere. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { parseEnv } from "node:util";

import { afterEach, expect, test } from "@jest/globals";
import express from "express";

import { createLoginKit, loginOf } from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import { freePort } from "../support/free-port.js";
import { createTestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { SESSION_SECRET } from "../support/world.js";

let children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
});

/** Runs the command; `said` grows. */
function run(...given: string[]) {
  const child = spawn(process.execPath, ["dist/bundle/cli/main.js", ...given]);
  children.push(child);
  const running = { child, said: "" };
  const note = (chunk: Buffer): void => {
    running.said += chunk.toString();
  };
  child.stdout.on("data", note);
  child.stderr.on("data", note);
  return running;
}

test("what it prints is a provider to sign in at, with roles, and an API that takes its tokens", async () => {
  const [port, apiPort] = [await freePort(), await freePort()].map(String);
  const ports = ["--port", port ?? "", "--api-port", apiPort ?? ""];
  const provider = run("provider", ...ports);
  await until("it has said its settings", () =>
    provider.said.includes("Ctrl+C"),
  );
  const env = parseEnv(provider.said);
  expect(env["OIDC_ISSUER"]).toBe(`http://127.0.0.1:${port ?? ""}`);

  const server = await listening();
  const kit = createLoginKit({
    issuer: env["OIDC_ISSUER"] ?? "",
    clientId: env["OIDC_CLIENT_ID"] ?? "",
    clientSecret: env["OIDC_CLIENT_SECRET"] ?? "",
    baseUrl: server.url,
    session: { secret: SESSION_SECRET },
    scope: "openid profile",
    resourceServers: { shop: { url: env["SHOP_API_URL"] ?? "" } },
  });
  const app = express();
  app.use(kit.routes);
  app.get("/", kit.requireAuth({ roles: ["admin"] }), async (req, res) => {
    const answer = await loginOf(req).fetch(
      `${env["SHOP_API_URL"] ?? ""}/mine`,
    );
    res.json([loginOf(req).claims["name"], await answer.json()]);
  });
  server.serve(app);

  const browser = createTestBrowser();
  const signIn = await browser.navigate(server.url);
  const consent = await browser.submitForm(signIn, {}, { button: "alice" });
  const page = await browser.submitForm(consent, {}, { button: "allow" });
  expect(JSON.parse(page.body)).toEqual(["Alice", { sub: "alice" }]);

  // Whoever asks a second time for the port is told.
  const second = run("provider", ...ports);
  expect(await once(second.child, "exit")).toEqual([1, null]);
  expect(second.said).toContain("another --port may be free");

  provider.child.kill("SIGTERM");
  expect(await once(provider.child, "exit")).toEqual([0, null]);
  await server.close();
});

test.each([
  [["provider", "--port", "x"], "are numbers"],
  [["provider", "now"], "too much: now"],
  [["provider", "--prt", "1"], "'--prt'"],
  [[], "no command"],
])("%j is not understood", async (given, told) => {
  const running = run(...given);
  expect(await once(running.child, "close")).toEqual([2, null]);
  expect(running.said).toContain(told);
});
