/** A signed-in browser, an application that forwards `/api`, and the recording server behind it. */
import { Readable } from "node:stream";

import type { Express } from "express";

import {
  type ForwardOptions,
  type LoginKit,
  type LoginKitOptions,
  loginOf,
  type ResourceServerOptions,
} from "../../lib/index.js";
import type { BrowserRequest } from "./browser-rules.js";
import { lyingWorld, type LyingWorld } from "./lying-world.js";
import { recordingServer, type RecordingServer } from "./recording-server.js";
import type { TestBrowser } from "./test-browser.js";

/** What a forwarding test lives in. */
export interface ForwardWorld extends LyingWorld {
  /** The resource server; its base is `/v1`. */
  readonly api: RecordingServer;
  /** Signed in as alice. */
  readonly browser: TestBrowser;
  /** A fetch by a script of our own page, of a path below `/api`. */
  readonly fetch: (path: string, init?: BrowserRequest) => Promise<Response>;
  /** How often the provider was asked for tokens with a refresh token. */
  readonly refreshes: () => number;
}

/** How a world differs from the usual one. */
export interface ForwardWorldOptions {
  readonly server?: Partial<ResourceServerOptions>;
  readonly forward?: ForwardOptions;
  readonly kit?: Partial<LoginKitOptions>;
  /** Runs before the forwarded route is mounted. */
  readonly before?: (app: Express, kit: LoginKit) => void;
}

/** Builds a world; close it in the end. */
export async function forwardWorld({
  server,
  forward,
  kit,
  before,
}: ForwardWorldOptions = {}): Promise<ForwardWorld> {
  const api = await recordingServer();
  const w = await lyingWorld({
    kit: {
      resourceServers: { orders: { url: `${api.url}/v1`, ...server } },
      ...kit,
    },
    routes(app, routesKit) {
      before?.(app, routesKit);
      const guard = routesKit.requireAuth();
      app.use("/api", guard, routesKit.forward("orders", forward));
      app.post("/server-side", guard, async (req, res) => {
        const { body = "text" } = req.query as { body?: keyof typeof BODIES };
        const answer = await loginOf(req).fetch(`${api.url}/v1/orders`, {
          method: "POST",
          body: BODIES[body](),
          ...{ duplex: "half" },
        });
        res.status(answer.status).send(await answer.text());
      });
    },
  });
  const browser = await w.signIn("alice");
  return {
    ...w,
    api,
    browser,
    fetch: (path, init) => browser.fetchJson(`${w.url}/api${path}`, init),
    // One more redeemed the code of each login.
    refreshes: () =>
      w.provider.requests.filter((request) => request === "POST /token")
        .length - w.provider.sessions.size,
    async close() {
      await Promise.all([w.close(), api.close()]);
    },
  };
}

/** What our own server may send, with "tea" in it. */
const BODIES = {
  text: () => "tea",
  "an ArrayBuffer": () => new TextEncoder().encode("tea").buffer,
  bytes: () => new TextEncoder().encode("tea"),
  "a Blob": () => new Blob(["tea"]),
  "a query": () => new URLSearchParams({ drink: "tea" }),
  "a form": formOf,
  "a stream": () => new Response("tea").body,
  // What undici takes beyond the types.
  "a generator": () => piecesOf("tea") as never,
  "a Node stream": () => Readable.from([Buffer.from("tea")]) as never,
};

/** The names of the bodies that `/server-side?body=…` sends. */
export type ServerSideBody = keyof typeof BODIES;

function formOf(): FormData {
  const form = new FormData();
  form.set("drink", "tea");
  return form;
}

async function* piecesOf(text: string): AsyncGenerator<Buffer> {
  for (const letter of text) yield Promise.resolve(Buffer.from(letter));
}
