/** `req.secure` is what Express says, also behind the kit, and the Secure cookie is set all the same. */
import { afterEach, describe, expect, test } from "@jest/globals";
import express, { type RequestHandler, type Response } from "express";

import { createLoginKit } from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import { SESSION_SECRET } from "../support/world.js";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const pass: RequestHandler = (_req, _res, next) => {
  next();
};

/** An application whose users come by https, at its port behind their proxy. */
async function start(
  handler: (seen: unknown[]) => RequestHandler,
  { before = pass, trustsProxy = false } = {},
): Promise<{ readonly url: string; readonly seen: unknown[] }> {
  const server = await listening();
  const kit = createLoginKit({
    issuer: "http://127.0.0.1:9",
    clientId: "shop",
    clientSecret: "a client secret",
    baseUrl: "https://shop.example",
    session: { secret: SESSION_SECRET },
  });
  const app = express();
  const seen: unknown[] = [];
  app.set("env", "test").set("trust proxy", trustsProxy);
  app.get("/", before, kit.session, handler(seen));
  server.serve(app);
  closing.push(server.close, () => {
    void kit.close();
    return Promise.resolve();
  });
  return { url: server.url, seen };
}

const SECURE_COOKIE =
  /^__Host-session=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/;

describe("over plain http, with an https baseUrl", () => {
  test.each<[string, (res: Response) => unknown]>([
    ["json", (res) => res.json({})],
    ["an empty end", (res) => res.end()],
    ["writeHead", (res) => res.writeHead(201, { "X-Mine": "yes" }).end("a")],
    ["a stream", (res) => [res.write("a"), res.end("b")]],
    [
      "a redirect",
      (res) => {
        res.redirect(303, "/elsewhere");
      },
    ],
  ])(
    "it is false before, while and after the answer is sent: %s",
    async (_how, answer) => {
      const { url, seen } = await start((seen) => (req, res) => {
        const look = (): void => {
          seen.push(req.secure, req.protocol, Object.hasOwn(req, "secure"));
        };
        look();
        Object.assign(req.session, { note: "a" });
        res.on("finish", look);
        answer(res);
        look();
      });
      const response = await fetch(url, { redirect: "manual" });
      await response.text();
      expect(response.headers.get("set-cookie")).toMatch(SECURE_COOKIE);
      expect(new Set(seen)).toEqual(new Set([false, "http"]));
    },
  );

  test("an application's own redirect to https is not passed by", async () => {
    const { url } = await start(() => (req, res) => {
      if (req.secure) res.send("in the clear");
      else res.redirect(308, `https://shop.example${req.originalUrl}`);
    });
    const { status, headers } = await fetch(url, { redirect: "manual" });
    expect(status).toBe(308);
    expect(headers.get("set-cookie")).toBeNull();
  });

  test("what else listens for the headers sees it as it is", async () => {
    const watch = (seen: unknown[]): RequestHandler =>
      function watchHeaders(req, res, next) {
        const writeHead = res.writeHead.bind(res) as (
          ...given: unknown[]
        ) => Response;
        res.writeHead = (...given: unknown[]) => {
          seen.push(req.secure);
          return writeHead(...given);
        };
        next();
      };
    const early: unknown[] = [];
    const { url, seen } = await start(
      (seen) => (req, res, next) => {
        Object.assign(req.session, { note: "a" });
        void watch(seen)(req, res, next);
        res.json({});
      },
      { before: watch(early) },
    );
    const response = await fetch(url);
    expect(response.headers.get("set-cookie")).toMatch(SECURE_COOKIE);
    expect([early, seen]).toEqual([[false], [false]]);
  });

  test("what the application itself has put there stays", async () => {
    const { url, seen } = await start(
      (seen) => (req, res) => {
        Object.assign(req.session, { note: "a" });
        res.on("finish", () => {
          seen.push(Object.getOwnPropertyDescriptor(req, "secure")?.value);
        });
        res.json({});
      },
      {
        before: (req, _res, next) => {
          const own = { value: false, configurable: true };
          Object.defineProperty(req, "secure", own);
          next();
        },
      },
    );
    const response = await fetch(url);
    await response.text();
    expect(response.headers.get("set-cookie")).toMatch(SECURE_COOKIE);
    expect(seen).toEqual([false]);
  });
});

test("behind a proxy that Express trusts it is true, and the cookie is set", async () => {
  const { url, seen } = await start(
    (seen) => (req, res) => {
      seen.push(req.secure);
      Object.assign(req.session, { note: "a" });
      res.json({});
    },
    { trustsProxy: true },
  );
  const response = await fetch(url, {
    headers: { "X-Forwarded-Proto": "https" },
  });
  expect(response.headers.get("set-cookie")).toMatch(SECURE_COOKIE);
  expect(seen).toEqual([true]);
});
