/** A world whose resource server has event streams and WebSockets, which the application forwards. */
import { randomUUID } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import type { Express } from "express";
import { WebSocketServer } from "ws";

import type { ForwardOptions, LoginKitOptions } from "../../lib/index.js";
import { lyingWorld, type LyingWorld } from "./lying-world.js";
import type { RecordedRequest } from "./recording-server.js";
import { type Party, sharedRedis } from "./world.js";

/** What such a test lives in. The logins are in the run's Redis; `closeRedis` in `afterAll`. */
export interface LiveWorld extends LyingWorld {
  readonly api: LiveServer;
}

/** A resource server that streams at `/events`, echoes what WebSockets say, and answers `{}` to the rest. */
export interface LiveServer extends Party {
  /** Requests and upgrades, when they begin to arrive. */
  readonly arrived: Omit<RecordedRequest, "body">[];
  /** The event streams that it has begun. */
  readonly streams: ServerResponse[];
  /** The connections of its WebSockets. */
  readonly sockets: Duplex[];
}

/** Builds a world that forwards `/api`, and WebSockets at `/api/live`; close it in the end. */
export async function liveWorld(
  routes: (app: Express) => void,
  forward?: ForwardOptions,
  kit?: Partial<LoginKitOptions>,
): Promise<LiveWorld> {
  const api = await liveServer();
  const w = await lyingWorld({
    redis: await sharedRedis(),
    kit: {
      redisKeyPrefix: `${randomUUID()}:`,
      resourceServers: { orders: { url: `${api.url}/v1` } },
      ...kit,
    },
    routes(app, kit) {
      app.use("/api", kit.requireAuth(), kit.forward("orders", forward));
      routes(app);
    },
  });
  const live = w.kit.forwardUpgrade("orders", { path: "/api/live" });
  w.server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    void live(req, socket, head).then((isOurs) => {
      if (!isOurs) socket.destroy();
    });
  });
  return {
    ...w,
    api,
    async close() {
      await Promise.all([w.close(), api.close()]);
    },
  };
}

async function liveServer(): Promise<LiveServer> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const webSockets = new WebSocketServer({ noServer: true });
  const started: LiveServer = {
    url: `http://127.0.0.1:${port}`,
    arrived: [],
    streams: [],
    sockets: [],
    async close() {
      for (const socket of started.sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const record = ({
    method = "",
    url = "",
    headers,
  }: IncomingMessage): void => {
    started.arrived.push({ method, target: url, headers });
  };
  server.on("request", (req, res) => {
    record(req);
    req.resume();
    if (req.url?.endsWith("/events") !== true) {
      res.setHeader("Content-Type", "application/json").end("{}");
      return;
    }
    started.streams.push(res);
    res.setHeader("Content-Type", "text/event-stream").flushHeaders();
  });
  server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    record(req);
    started.sockets.push(socket);
    webSockets.handleUpgrade(req, socket, head, (webSocket) => {
      webSocket.on("error", () => undefined);
      webSocket.on("message", (message, isBinary) => {
        webSocket.send(message, { binary: isBinary });
      });
    });
  });
  return started;
}
