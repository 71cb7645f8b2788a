/** Providers of findProvider that change, are new, or are away: nobody loses more than that, and no secret goes elsewhere. */
import { generateKeyPairSync } from "node:crypto";
import type { Server } from "node:http";

import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import express from "express";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitEvents,
  type NamedProviderOptions,
  PrivateKeyJwt,
} from "../../lib/index.js";
import {
  listening,
  type ListeningServer,
} from "../../lib/testing/listening.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  SAME,
  severalWorld,
  type SeveralWorld,
} from "../support/several-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import {
  CLIENT_ID,
  CLIENT_SECRET,
  closeRedis,
  SESSION_SECRET,
  sharedRedis,
} from "../support/world.js";

let w: SeveralWorld;
beforeEach(takeClock);
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  releaseClock();
  await Promise.all(ends.splice(0).map((end) => end()));
  await w.close();
});
afterAll(closeRedis);

/** The options of the provider that listens there. */
const at = (name: string): NamedProviderOptions => ({
  issuer: w.providers[name]?.url ?? "",
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
});

test("the tokens of its old issuer are never sent to the new one, not even to be revoked", async () => {
  let hasMoved = false;
  w = await severalWorld({
    tenants: ["north", "south"],
    findProvider: (name) =>
      Promise.resolve(hasMoved && name === "north" ? at("south") : undefined),
  });
  const failed: LoginKitEvents["token.revocation_failed"][0][] = [];
  w.kit.events.on("token.revocation_failed", (event) => failed.push(event));
  await w.signIn("north");
  hasMoved = true;
  passSeconds(61);
  const user = {
    provider: "north",
    iss: w.providers["north"]?.url ?? "",
    sub: SAME.user,
  };
  expect(await w.kit.sessions.endAll(user)).toBe(1);
  await w.kit.close();
  expect(w.providers["south"]?.revoked).toEqual([]);
  expect(failed).toEqual([
    expect.objectContaining({ provider: "north", code: "ERR_ISSUER_MISMATCH" }),
  ]);
});

test("a Logout Token that may be of several is refused where the address names none", async () => {
  w = await severalWorld({
    tenants: ["north", "south"],
    findProvider: (name) =>
      Promise.resolve(name === "south" ? at("north") : undefined),
    provider: () => ({ authorizationParameters: { login_hint: SAME.user } }),
  });
  const browser = await w.signIn("north");
  await createTestBrowser().request(`${w.urls[0] ?? ""}/login?provider=south`);
  const north = w.providers["north"];
  const token = north?.logoutToken({ sub: SAME.user, sid: SAME.sid }) ?? "";
  const unnamed = await north?.postLogoutToken(
    `${w.urls[0] ?? ""}/backchannel-logout`,
    token,
  );
  expect(unnamed?.status).toBe(400);
  expect(await unnamed?.json()).toMatchObject({
    error_description: expect.stringContaining(
      "register /backchannel-logout/<name of the provider>",
    ),
  });
  expect(await w.signedInAt(browser)).toBe("north");
  expect((await w.logoutBy("north")).status).toBe(200);
  expect(await w.signedInAt(browser)).toBeUndefined();
});

test.each([5, null, {}, []])(
  "a Logout Token whose iss is %j is a 400",
  async (iss) => {
    w = await severalWorld({
      provider: (name) =>
        name === "customers"
          ? {
              issuer: "https://op.example/{tenantid}",
              metadataUrl: "https://op.example/metadata",
              tenants: ["first"],
            }
          : {},
    });
    const staff = w.providers["staff"];
    const token =
      staff?.logoutToken({ claims: (right) => ({ ...right, iss }) }) ?? "";
    for (const path of ["", "/customers", "/staff"]) {
      const answer = await staff?.postLogoutToken(
        `${w.urls[0] ?? ""}/backchannel-logout${path}`,
        token,
      );
      expect(answer?.status).toBe(400);
    }
  },
);

test("however many providers wait for an answer, the server has one listener more", async () => {
  let listeners = 0;
  w = await severalWorld({
    tenants: ["north"],
    findProvider: () => Promise.resolve(at("north")),
    before: (app) =>
      app.use((req, _res, next) => {
        const { server } = req.socket as { server?: Server };
        listeners = server?.listenerCount("request") ?? 0;
        next();
      }),
  });
  const login = (name: string): Promise<Response> =>
    createTestBrowser().request(`${w.urls[0] ?? ""}/login?provider=${name}`);
  await login("first");
  await login("second");
  const before = listeners;
  for (let tenant = 0; tenant < 12; tenant++) {
    await login(`tenant-${String(tenant)}`);
  }
  expect(listeners).toBe(before);
});

/** Another process of the same application. */
async function processBeside(
  findProvider: (name: string) => Promise<NamedProviderOptions | undefined>,
): Promise<ListeningServer & { readonly kit: LoginKit }> {
  const server = await listening();
  const kit = createLoginKit({
    baseUrl: w.urls,
    session: { secret: SESSION_SECRET, cookieName: "session" },
    redis: await sharedRedis(),
    findProvider,
  });
  const app = express();
  app.set("env", "test");
  app.use(kit.routes);
  app.get("/me", kit.requireAuth(), (_req, res) => {
    res.json({ provider: "north" });
  });
  server.serve(app);
  ends.push(() => kit.close(), server.close);
  return { ...server, kit };
}

async function startWithRedis(): Promise<void> {
  w = await severalWorld({
    listed: [],
    tenants: ["north"],
    kit: { redis: await sharedRedis() },
  });
}

test("a user who signs in with a new one stays signed in at a process that looked for it before", async () => {
  await startWithRedis();
  let isThere = false;
  const other = await processBeside(() =>
    Promise.resolve(isThere ? at("north") : undefined),
  );
  const early = await createTestBrowser().request(
    `${other.url}/login?provider=north`,
  );
  expect(early.status).toBe(400);
  isThere = true;
  passSeconds(5);
  const browser = await w.signIn("north");
  expect(await w.signedInAt(browser, other.url)).toBe("north");
  expect(await w.signedInAt(browser)).toBe("north");
});

test("a user can sign out where nobody can say which one it was", async () => {
  await startWithRedis();
  const other = await processBeside(() =>
    Promise.reject(new Error("the database is away")),
  );
  const told: Error[] = [];
  other.kit.events.on("error", (error) => told.push(error));
  const browser = await w.signIn("north");
  const answer = await browser.fetchJson(`${other.url}/logout`, {
    method: "POST",
  });
  expect(answer.status).toBe(200);
  expect(await w.signedInAt(browser)).toBeUndefined();
  expect(w.ended).toEqual([]);
  expect(told).not.toEqual([]);
});

test("logins of a user who is named in full can be ended where nobody can be asked", async () => {
  await startWithRedis();
  const other = await processBeside(() =>
    Promise.reject(new Error("the database is away")),
  );
  const browser = await w.signIn("north");
  const user = { provider: "north", sub: SAME.user };
  await expect(other.kit.sessions.endAll(user)).rejects.toMatchObject({
    code: "ERR_PROVIDER_UNAVAILABLE",
  });
  const iss = w.providers["north"]?.url ?? "";
  expect(await other.kit.sessions.endAll({ ...user, iss })).toBe(1);
  expect(await w.signedInAt(browser)).toBeUndefined();
});

// Shows: F2-02, ERR_CONFIG
test("nobody signs in at one found with a profile while a server may get Bearer tokens", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const told: Error[] = [];
  w = await severalWorld({
    tenants: ["north", "south"],
    kit: {
      resourceServers: {
        orders: {
          url: "https://orders.example",
          providers: ["north", "staff"],
          senderConstrained: "never",
        },
      },
    },
    findProvider: (name) =>
      Promise.resolve({
        ...at(name),
        clientSecret: undefined as never,
        clientAuth: PrivateKeyJwt(privateKey),
        securityProfile: "fapi2",
        idTokenSigningAlg: "ES256",
      }),
  });
  w.kit.events.on("error", (error) => told.push(error));
  const login = (name: string): Promise<Response> =>
    createTestBrowser().request(`${w.urls[0] ?? ""}/login?provider=${name}`);
  const answer = await login("north");
  expect(answer.status).toBe(500);
  expect(await answer.text()).toContain("ERR_CONFIG");
  expect(w.providers["north"]?.requests).toEqual([]);
  expect(told).toEqual([
    expect.objectContaining({
      code: "ERR_CONFIG",
      message: expect.stringContaining(
        "resourceServers.orders.senderConstrained: is never; leave it out",
      ),
    }),
  ]);
  // The other one is asked what it offers: no server gets its tokens without a proof.
  await login("south");
  expect(w.providers["south"]?.requests).not.toEqual([]);
});
