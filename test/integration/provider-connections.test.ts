/** How the kit's own requests travel to a provider: codings, sizes, connections. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

import { afterEach, describe, expect, test } from "@jest/globals";
import type { RequestHandler, Response } from "express";

import {
  closeWorlds,
  expectRefused,
  expectSignedIn,
  signIn,
  start,
} from "../support/misbehaving-world.js";
import { until } from "../support/until.js";

afterEach(closeWorlds);

const METADATA = "/.well-known/openid-configuration";

/** Runs where the metadata is asked for. */
function atMetadata(answer: (res: Response) => void): RequestHandler {
  return (req, res, next) => {
    if (req.path === METADATA) answer(res);
    else next();
  };
}

describe("an answer in a coding that was not asked for", () => {
  /** Every JSON answer in this coding. */
  const coded =
    (coding: string, encode: (text: string) => Buffer): RequestHandler =>
    (_req, res, next) => {
      res.json = (body: unknown) =>
        res
          .set("content-encoding", coding)
          .type("json")
          .send(encode(JSON.stringify(body)));
      next();
    };

  test.each<[string, (text: string) => Buffer]>([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ])("RFC 9110 8.4: %s is undone", (coding, encode) =>
    expectSignedIn({ intercept: coded(coding, encode) }),
  );

  test("is no way around the limit of its size", async () => {
    const spaces = gzipSync(" ".repeat(2 * 1024 * 1024) + "{}");
    const w = await start({
      intercept: atMetadata((res) => {
        res.set("content-encoding", "gzip").type("json").send(spaces);
      }),
    });
    const { body } = await signIn(w);
    expect(body).toContain("answered with more than 1048576 bytes");
  });

  test("that breaks off is no answer, although only its checksum is missing", () =>
    expectRefused("ERR_DISCOVERY_INVALID", {
      intercept: (_req, res, next) => {
        res.json = (body: unknown) => {
          const whole = gzipSync(JSON.stringify(body));
          // The last eight bytes are a checksum and the length.
          const cut = whole.subarray(0, -8);
          return res.set("content-encoding", "gzip").type("json").send(cut);
        };
        next();
      },
    }));
});

test("RFC 9110 4.2.4: no request goes to an address with credentials", async () => {
  const w = await expectRefused("ERR_", {
    metadata: (right) => ({
      ...right,
      token_endpoint: String(right["token_endpoint"]).replace("//", "//a:b@"),
    }),
  });
  expect(w.provider.requests).not.toContain("POST /token");
});

describe("connections", () => {
  test("one serves a whole sign-in", async () => {
    const ports = new Set<number | undefined>();
    await expectSignedIn({
      intercept: (req, _res, next) => {
        // Browsers come with cookies or for pages; the kit for JSON.
        if (req.path === METADATA || req.path === "/token") {
          ports.add(req.socket.remotePort);
        }
        next();
      },
    });
    expect(ports.size).toBe(1);
  });

  test("one whose answer is not read to its end is closed", async () => {
    let isClosed = false;
    const w = await start(
      {
        intercept: atMetadata((res) => {
          res.once("close", () => (isClosed = true));
          res.type("html").write("<h1>Welcome</h1>");
        }),
      },
      { kit: { providerTimeoutSeconds: 30 } },
    );
    const { body } = await signIn(w);
    expect(body).toContain("ERR_DISCOVERY_INVALID");
    await until("the connection is closed", () => isClosed);
  });
});
