/** Who may press the demo's buttons: pages of the application itself, on this computer. */
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "@jest/globals";
import express from "express";

import { onlyOurPages } from "../../demo-app/only-our-pages.js";

const OURS = { host: "localhost:3000", "sec-fetch-site": "same-origin" };
let server: Server | undefined;

afterEach(() => {
  server?.close();
});

test.each([
  ["our own page", OURS, 204],
  [
    "our own page in an old browser",
    { host: "localhost:3000", origin: "http://localhost:3000" },
    204,
  ],
  ["another site", { ...OURS, "sec-fetch-site": "cross-site" }, 403],
  [
    "another port of this host",
    { ...OURS, "sec-fetch-site": "same-site" },
    403,
  ],
  ["an address that was typed", { ...OURS, "sec-fetch-site": "none" }, 403],
  [
    "another site in an old browser",
    { host: "localhost:3000", origin: "http://localhost:4000" },
    403,
  ],
  ["a program that says nothing", { host: "localhost:3000" }, 403],
  [
    "another name for this computer",
    { ...OURS, host: "evil.example:3000" },
    403,
  ],
])("from loopback, %s", async (_who, headers, status) => {
  await listen(true, { port: 0, host: "127.0.0.1" });
  expect(await ask(headers)).toBe(status);
});

test.each([
  [true, 403],
  [false, 204],
])("from elsewhere, loopback only: %s", async (isLoopbackOnly, status) => {
  // A socket of the file system has no address, so it is not loopback.
  const path = join(await mkdtemp(join(tmpdir(), "demo-guard-")), "socket");
  await listen(isLoopbackOnly, { path });
  expect(await ask(OURS)).toBe(status);
});

async function listen(
  isLoopbackOnly: boolean,
  where: { readonly path: string } | { readonly port: number; host: string },
): Promise<void> {
  const app = express();
  app.use(onlyOurPages({ baseUrl: "http://localhost:3000", isLoopbackOnly }));
  app.use((_req, res) => res.status(204).end());
  server = createServer(app).listen(where);
  await once(server, "listening");
}

async function ask(headers: Readonly<Record<string, string>>): Promise<number> {
  const address = server?.address();
  const where =
    typeof address === "string"
      ? { socketPath: address }
      : { host: "127.0.0.1", port: address?.port };
  const sent = request({ ...where, method: "POST", headers }).end();
  const [answer] = (await once(sent, "response")) as [
    { statusCode: number; resume: () => void },
  ];
  answer.resume();
  return answer.statusCode;
}
