/** One application in two processes whose logins have keys (DPoP, RFC 9449), and WebSockets that are proven. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { afterEach, expect, test } from "@jest/globals";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { WebSocket, WebSocketServer } from "ws";

import { createOrdersApi } from "../../demo-app/orders-api.js";
import { advance, resetClock } from "../../lib/testing/index.js";
import { freePort } from "../support/free-port.js";
import { startKeptRedis } from "../support/kept-redis.js";
import { lyingWorld } from "../support/lying-world.js";
import { startNode } from "../support/node-process.js";
import { createTestBrowser } from "../support/test-browser.js";
import {
  kitOptions,
  listening,
  ORDERS_RESOURCE,
  signInAsPerson,
  startProvider,
} from "../support/world.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

// Shows: DP-07, DP-08
test("two processes refresh with the same key, which lies sealed in the store", async () => {
  closing.push(resetClock);
  const redis = await startKeptRedis();
  closing.push(() => redis.stop());
  const urls = [await freePort(), await freePort()].map(
    (port) => `http://127.0.0.1:${String(port)}`,
  );
  const [one = "", two = ""] = urls;
  const provider = await startProvider([one], {
    provider: { features: { dPoP: { enabled: true } } },
  });
  const orders = await listening();
  closing.push(provider.close, orders.close);
  orders.serve(
    createOrdersApi({
      issuer: provider.url,
      audience: ORDERS_RESOURCE,
      origin: orders.url,
    }),
  );
  const processes = urls.map((url) =>
    startNode(["test/integration/fixtures/refresh-app.js"], {
      env: {
        REDIS_URL: redis.url,
        PORT: new URL(url).port,
        KIT_OPTIONS: JSON.stringify({
          ...kitOptions({
            appUrl: one,
            providerUrl: provider.url,
            ordersUrl: orders.url,
          }),
          senderConstrained: "always",
        }),
      },
    }),
  );
  closing.push(() =>
    Promise.all(processes.map((started) => started.end("SIGKILL"))),
  );
  await Promise.all(processes.map((started) => started.prints(/listening/)));
  const keys: string[] = [];
  provider.intercept = ({ url, headers }) => {
    const proof = headers["dpop"];
    if (url === "/token" && typeof proof === "string") {
      keys.push(JSON.stringify(decodeProtectedHeader(proof).jwk));
    }
    return false;
  };
  const browser = createTestBrowser();
  await signInAsPerson({ browser, appUrl: one });
  for (const url of [one, two, one]) {
    const answer = await browser.fetchJson(`${url}/api/orders`);
    expect([url, answer.status]).toEqual([url, 200]);
    // Goes on meanwhile, as the clocks of the processes do: proofs are dated.
    advance(70);
    for (const other of urls) {
      await browser.fetchJson(`${other}/clock?seconds=70`, { method: "POST" });
    }
  }
  expect(keys.length).toBe(4);
  expect(new Set(keys).size).toBe(1);
});

// Shows: DP-03, DP-04
test("the handshake of a WebSocket is proven, and repeated with the nonce of the API", async () => {
  const handshakes: IncomingMessage[] = [];
  const server = createServer();
  const accepting = new WebSocketServer({ noServer: true });
  server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    handshakes.push(req);
    const proof = String(req.headers["dpop"]);
    if (decodeJwt(proof)["nonce"] === "n-1") {
      accepting.handleUpgrade(req, socket, head, (ws) => {
        ws.send("hello");
      });
      return;
    }
    socket.end(
      'HTTP/1.1 401 Unauthorized\r\nDPoP-Nonce: n-1\r\nWWW-Authenticate: DPoP error="use_dpop_nonce"\r\nContent-Length: 0\r\n\r\n',
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const api = `http://127.0.0.1:${String(port)}`;
  const w = await lyingWorld({
    provider: { dpop: {} },
    kit: { resourceServers: { live: { url: `${api}/v1` } } },
  });
  closing.push(() => server.close(), w.close);
  const forwardUpgrade = w.kit.forwardUpgrade("live", { path: "/live" });
  w.server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    void forwardUpgrade(req, socket, head);
  });
  const browser = await w.signIn("alice");
  const webSocket = new WebSocket(`${w.url.replace("http", "ws")}/live/x?y=1`, {
    origin: w.url,
    headers: { cookie: await browser.jar.getCookieString(w.url) },
  });
  closing.push(() => {
    webSocket.terminate();
    server.closeAllConnections();
  });
  const [hello] = (await once(webSocket, "message")) as [Buffer];
  expect(hello.toString()).toBe("hello");
  expect(
    handshakes.map(({ headers: { authorization = "", dpop } }) => {
      const { htm, htu } = decodeJwt(String(dpop));
      return [authorization.split(" ")[0], htm, htu];
    }),
  ).toEqual([
    ["DPoP", "GET", `${api}/v1/x`],
    ["DPoP", "GET", `${api}/v1/x`],
  ]);
});
