/** The option `agent`: forwarded requests and WebSockets go the application's own way, inside the kit's limits. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Socket } from "node:net";

import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";

import type {
  LoginKitOptions,
  ResourceServerOptions,
} from "../../lib/index.js";
import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { mutualTlsServer } from "../support/mutual-tls.js";
import {
  echo,
  type StrictRequest,
  strictResourceServer,
  type StrictResourceServer,
} from "../support/strict-resource-server.js";
import { TunnelAgent, tunnelProxy } from "../support/tunnel-proxy.js";
import { until } from "../support/until.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const endLater = <Ending extends { close: () => unknown }>(party: Ending) => {
  ends.push(() => party.close());
  return party;
};

async function start(
  agent: LoginKitOptions["agent"],
  server: Partial<ResourceServerOptions> = {},
): Promise<ForwardWorld> {
  return endLater(await forwardWorld({ kit: { agent } as never, server }));
}

/** An agent that keeps connections, and is closed in the end. */
function kept<Kept extends Agent>(agent: Kept): Kept {
  ends.push(() => {
    agent.destroy();
  });
  return agent;
}

describe("through a proxy", () => {
  test("forwarded requests reach the API, over one kept connection", async () => {
    const proxy = endLater(await tunnelProxy());
    const w = await start(
      kept(new TunnelAgent(proxy.url, { keepAlive: true })),
    );
    for (const path of ["/orders", "/orders?page=2"]) {
      expect((await w.fetch(path)).status).toBe(200);
    }
    expect(w.api.requests.map(({ target }) => target)).toEqual([
      "/v1/orders",
      "/v1/orders?page=2",
    ]);
    expect(w.api.requests[0]?.headers.authorization).toMatch(/^Bearer .+/);
    expect(proxy.targets).toEqual([new URL(w.api.url).host]);
  });

  test("TLS to the API is inside of the tunnel, with a certificate of the client", async () => {
    const proxy = endLater(await tunnelProxy());
    const api = endLater(await mutualTlsServer());
    const w = await start(kept(new TunnelAgent(proxy.url, {}, api.trust)), {
      url: api.url,
    });
    expect(await (await w.fetch("/orders")).text()).toBe("Bearer");
    expect(proxy.targets).toEqual([new URL(api.url).host]);
    expect(api.connections()).toBe(1);
  });

  test("a proxy that is away is ERR_RESOURCE_UNAVAILABLE: nothing goes past it", async () => {
    const proxy = await tunnelProxy();
    await proxy.close();
    const w = await start(new TunnelAgent(proxy.url, { keepAlive: true }));
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({
      code: "ERR_RESOURCE_UNAVAILABLE",
    });
    expect(w.api.begun).toEqual([]);
  });
});

describe("an authority of its own, and a certificate of the client", () => {
  test("with them the API answers, without them it gets no request", async () => {
    const api = endLater(await mutualTlsServer());
    const inside = kept(new HttpsAgent({ ...api.trust, keepAlive: true }));
    const { url } = api;
    const trusted = await start(inside, { url });
    for (const path of ["/orders", "/orders"]) {
      expect(await (await trusted.fetch(path)).text()).toBe("Bearer");
    }
    expect(api.connections()).toBe(1);
    const strange = await start(() => undefined, { url });
    expect((await strange.fetch("/orders")).status).toBe(502);
    const uncertified = await start(new HttpsAgent({ ca: api.trust.ca }), {
      url,
    });
    expect((await uncertified.fetch("/orders")).status).toBe(502);
    expect(api.connections()).toBe(1);
  });

  test.each([true, false])(
    "a WebSocket is opened with them (keepAlive: %s)",
    async (keepAlive) => {
      const api = endLater(await mutualTlsServer());
      const sockets = new WebSocketServer({ noServer: true });
      api.server.on("upgrade", (req, socket, head) => {
        sockets.handleUpgrade(req, socket, head, (webSocket) => {
          webSocket.send(req.headers.authorization?.slice(0, 6) ?? "nobody");
        });
      });
      const w = await start(kept(new HttpsAgent({ ...api.trust, keepAlive })), {
        url: api.url,
      });
      expect(await saidFirst(w)).toBe("Bearer");
    },
  );
});

/** What the API says first on a WebSocket of the signed-in browser. */
async function saidFirst(w: ForwardWorld): Promise<string> {
  const webSocket = await openWebSocket(w);
  const [message] = (await once(webSocket, "message")) as [Buffer];
  return String(message);
}

async function openWebSocket(w: ForwardWorld): Promise<WebSocket> {
  const live = w.kit.forwardUpgrade("orders", { path: "/live" });
  w.server.on("upgrade", (req, socket, head) => {
    void live(req, socket, head);
  });
  const webSocket = new WebSocket(`${w.url.replace("http", "ws")}/live`, {
    headers: {
      cookie: await w.browser.jar.getCookieString(w.url),
      origin: w.url,
    },
  });
  webSocket.on("error", () => undefined);
  ends.unshift(() => {
    webSocket.terminate();
  });
  return webSocket;
}

describe("a function of the URL", () => {
  test("is asked for each request, and undefined is the kit's own agent", async () => {
    const asked: string[] = [];
    const w = await start((url) => {
      asked.push(url.href);
      return undefined;
    });
    expect((await w.fetch("/orders?page=2")).status).toBe(200);
    expect(asked).toEqual([`${w.api.url}/v1/orders?page=2`]);
  });

  test("cannot change where the request goes", async () => {
    const w = await start((url) => {
      url.pathname = "/elsewhere";
      return undefined;
    });
    expect((await w.fetch("/orders")).status).toBe(200);
    expect(w.api.begun).toEqual(["/v1/orders"]);
  });

  test.each<[string, () => unknown, { status: number; code: string }]>([
    [
      "gives something else",
      () => "proxy",
      { status: 500, code: "ERR_CONFIG" },
    ],
    [
      "gives an agent for another protocol",
      () => new HttpsAgent(),
      { status: 500, code: "ERR_CONFIG" },
    ],
    [
      "throws",
      () => {
        throw new Error("no configuration");
      },
      { status: 502, code: "ERR_RESOURCE_UNAVAILABLE" },
    ],
  ])("that %s: nothing is sent", async (_what, agent, refusal) => {
    const w = await start(agent as never);
    const answer = await w.fetch("/orders");
    expect({ status: answer.status, code: await codeIn(answer) }).toEqual(
      refusal,
    );
    const webSocket = await openWebSocket(w);
    const [, upgrade] = (await once(webSocket, "unexpected-response")) as [
      unknown,
      IncomingMessage,
    ];
    expect(upgrade.statusCode).toBe(refusal.status);
    expect(w.api.begun).toEqual([]);
  });
});

async function codeIn(answer: Response): Promise<unknown> {
  return ((await answer.json()) as { code?: unknown }).code;
}

describe("what the kit's own connections promise holds for those of the agent", () => {
  /** An application before a server that closes or speaks as it is told, by an agent that keeps connections for ever. */
  async function keeping(
    serve: (request: StrictRequest, socket: Socket) => void,
    made: Agent = new Agent({ keepAlive: true }),
  ): Promise<{ w: ForwardWorld; api: StrictResourceServer }> {
    const api = endLater(await strictResourceServer());
    api.answer = serve;
    const w = await start(kept(made), { url: `${api.url}/v1` });
    return { w, api };
  }

  test("what a server says unasked is no answer to whoever asks next", async () => {
    const sockets: Socket[] = [];
    const { w, api } = await keeping((request, socket) => {
      sockets.push(socket);
      echo(request, socket);
    });
    await (await w.fetch("/first")).text();
    sockets[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    await until("the connection is closed", () => sockets[0]?.closed === true);
    expect(await (await w.fetch("/second")).text()).not.toContain("wrong");
    expect(api.connections()).toBe(2);
  });

  test.each(["a plain agent", "a tunnel"])(
    "a kept connection that breaks is replaced once, by the same way: %s",
    async (way) => {
      const proxy = endLater(await tunnelProxy());
      const agent =
        way === "a tunnel"
          ? new TunnelAgent(proxy.url, { keepAlive: true })
          : new Agent({ keepAlive: true });
      const used = new Set<Socket>();
      const { w, api } = await keeping((request, socket) => {
        // Both connections of the first two requests break when they are used again.
        if (used.has(socket)) socket.destroy();
        else if (request.target.startsWith("/v1/first")) {
          used.add(socket);
          if (used.size === 2) for (const one of used) echo(request, one);
        } else echo(request, socket);
      }, agent);
      const [one, two] = await Promise.all([
        w.fetch("/first/1"),
        w.fetch("/first/2"),
      ]);
      expect([one.status, two.status]).toEqual([200, 200]);
      expect((await w.fetch("/second")).status).toBe(200);
      expect(api.connections()).toBe(3);
      expect(proxy.targets).toHaveLength(way === "a tunnel" ? 3 : 0);
    },
  );

  test("a WebSocket on a kept connection that breaks gets a new one", async () => {
    const used = new Set<Socket>();
    const { w, api } = await keeping((request, socket) => {
      const key = request.headers.get("sec-websocket-key");
      if (used.has(socket)) socket.destroy();
      else if (key === undefined) echo(request, socket);
      else {
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n\x81\x03tea`,
          "latin1",
        );
      }
      used.add(socket);
    });
    expect((await w.fetch("/first")).status).toBe(200);
    expect(await saidFirst(w)).toBe("tea");
    expect(api.connections()).toBe(2);
  });
});

/** RFC 6455 4.2.2 (5.4). */
function acceptOf(key: string): string {
  return createHash("sha1")
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
}
