/** The option `store`: logins and sessions live in a store that the application brings. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";

import type { StoreDriver } from "../../lib/index.js";
import { createFileDriver } from "../support/file-driver.js";
import { closeRedis, world, type World } from "../support/world.js";

let folder: string;
let w: World;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "own-store-"));
});
afterEach(async () => {
  await w.close();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(closeRedis);

async function start(store: StoreDriver): Promise<void> {
  w = await world({
    embedded: true,
    kit: { store },
    routes(app, kit) {
      app.get("/visits", kit.session, kit.requireAuth(), (req, res) => {
        const session = req.session as { visits?: number };
        session.visits = (session.visits ?? 0) + 1;
        res.json(session.visits);
      });
    },
    signedInAs: "alice",
  });
}

const ask = async (path: string): Promise<unknown> => {
  const answer = await w.browser.fetchJson(w.app.url + path);
  return answer.ok ? answer.json() : answer.status;
};

test("a login is made, keeps its session's data, is listed, and ends", async () => {
  await start(createFileDriver(folder));
  expect(await ask("/visits")).toBe(1);
  expect(await ask("/visits")).toBe(2);
  expect(await w.app.kit.sessions.list("alice")).toHaveLength(1);
  expect(await w.app.kit.sessions.endAll("alice")).toBe(1);
  expect(await ask("/visits")).toBe(401);
});

test("a store that fails or is silent is a store failure: 503, and nobody is let in", async () => {
  const driver = createFileDriver(folder);
  let read = driver.read;
  await start({ ...driver, read: (key, fields) => read(key, fields) });
  expect(await ask("/me")).toMatchObject({ sub: "alice" });
  const failing: (typeof read)[] = [
    () => Promise.reject(new Error("the disk is gone")),
    () => {
      throw new Error("the disk is gone");
    },
    // JavaScript without a return.
    (() => undefined) as unknown as typeof read,
  ];
  for (read of failing) {
    expect(await ask("/me")).toBe(503);
    expect(await w.app.kit.ready()).toBe(false);
  }
  read = driver.read;
  expect(await ask("/me")).toMatchObject({ sub: "alice" });
});
