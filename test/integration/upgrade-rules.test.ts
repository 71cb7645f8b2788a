/** WebSockets ask of a login what guards of requests ask. */
import type { Duplex } from "node:stream";

import { afterEach, expect, test } from "@jest/globals";
import { type RawData, WebSocket, WebSocketServer } from "ws";

import type { UpgradeRule } from "../../lib/index.js";
import type { Json } from "../support/lying-provider.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";

let w: LyingWorld;
let failures: unknown[];
const sockets = new WebSocketServer({ noServer: true });

afterEach(() => w.close());

/** `/socket` is the application's, `/live` is forwarded to it. */
async function start(rule: unknown): Promise<void> {
  failures = [];
  w = await lyingWorld({
    kit: ({ issuer }) => ({
      resourceServers: { live: { url: `${new URL(issuer).origin}/v1` } },
    }),
  });
  const forward = w.kit.forwardUpgrade("live", {
    path: "/live",
    rule: { roles: ["admin"] },
  });
  w.server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    const handle = async (): Promise<void> => {
      if (await forward(req, socket, head)) return;
      const login = await w.kit.authenticateUpgrade(req, rule as UpgradeRule);
      if (login === undefined) return;
      sockets.handleUpgrade(req, socket, head, (webSocket) => {
        webSocket.send(login.claims.sub);
      });
    };
    handle().catch((error: unknown) => failures.push(error));
  });
}

interface Outcome {
  readonly status: number;
  /** What the application says first, or why it refuses. */
  readonly says: string;
}

/** Opens a socket with the login of a user with these claims. */
async function open(claims: Json, path = "/socket"): Promise<Outcome> {
  w.provider.misbehave = { idToken: { claims } };
  const browser = await w.signIn("alice");
  const cookie = await browser.jar.getCookieString(w.url);
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(w.url.replace("http", "ws") + path, {
      headers: { origin: w.url, cookie },
    });
    socket.once("message", (data: RawData) => {
      socket.terminate();
      resolve({ status: 101, says: (data as Buffer).toString() });
    });
    socket.once("unexpected-response", (_request, response) => {
      let says = "";
      response.on("data", (chunk: Buffer) => (says += chunk.toString()));
      response.once("end", () => {
        resolve({ status: response.statusCode ?? 0, says });
      });
    });
    socket.once("error", reject);
  });
}

test("a socket is opened by a login that fulfils the rule, and by no other", async () => {
  await start({ claims: { groups: { includes: "admins" } } });
  expect(await open({ groups: ["admins"] })).toEqual({
    status: 101,
    says: "alice",
  });
  const refused = await open({ groups: ["users"] });
  expect(refused.status).toBe(403);
  expect(JSON.parse(refused.says)).toMatchObject({
    code: "ERR_PERMISSION_MISSING",
    missing: { claims: ["groups"] },
  });
});

test("what signing in again may bring is 401 with the way there", async () => {
  await start({ acr: ["urn:mfa"], scope: "orders:write" });
  const weak = await open({});
  expect([weak.status, JSON.parse(weak.says)]).toEqual([
    401,
    expect.objectContaining({
      code: "ERR_STRONGER_LOGIN_REQUIRED",
      login_url: "/login?acr_values=urn%3Amfa&scope=orders%3Awrite",
    }),
  ]);
  const strong = await open({ acr: "urn:mfa" });
  expect(JSON.parse(strong.says)).toMatchObject({
    code: "ERR_MORE_SCOPE_REQUIRED",
  });
});

test("a forwarded socket has a rule of its own", async () => {
  await start(undefined);
  expect((await open({ roles: ["user"] }, "/live")).status).toBe(403);
  // This one gets as far as the server, which has no sockets.
  expect((await open({ roles: ["admin"] }, "/live")).status).toBe(502);
});

test("scope of a forwarded socket can be signed in for before any upgrade", async () => {
  await start(undefined);
  const login = () =>
    fetch(`${w.url}/login?scope=live`, { redirect: "manual" });
  expect((await login()).status).toBe(400);
  w.kit.forwardUpgrade("live", { path: "/x", rule: { scope: "live" } });
  expect((await login()).status).toBe(303);
});

test.each<[string, unknown, string]>([
  ["a misspelt rule", { role: ["admin"] }, "did you mean roles?"],
  ["the application's own function", { allow: () => true }, "unknown option"],
  ["a text", "admin", "must be a plain object"],
])("%s opens no socket", async (_what, rule, told) => {
  await start(rule);
  await expect(open({ roles: ["admin"] })).rejects.toThrow();
  expect(failures).toEqual([
    expect.objectContaining({ message: expect.stringContaining(told) }),
  ]);
  expect(() =>
    w.kit.forwardUpgrade("live", { path: "/x", rule: rule as UpgradeRule }),
  ).toThrow(told);
});
