/** logEvents: one line for each event, for an audit log. */
import { Console } from "node:console";
import { readFileSync } from "node:fs";
import { Writable } from "node:stream";

import { afterEach, describe, expect, test } from "@jest/globals";
import pino from "pino";

import { type EventLogger, logEvents } from "../../lib/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly event: string;
  readonly [name: string]: unknown;
}

let w: LyingWorld;
afterEach(() => w.close());

async function logged(run: () => Promise<void>): Promise<Line[]> {
  const lines: Line[] = [];
  const at =
    (level: string): EventLogger["info"] =>
    (fields, message) => {
      lines.push({ level, message, ...fields } as Line);
    };
  const stop = logEvents(w.kit.events, {
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  });
  await run();
  stop();
  return lines;
}

test("ASVS 16.1.1: docs/api.md lists every event", async () => {
  w = await lyingWorld();
  const logger = { info: () => 0, warn: () => 0, error: () => 0 };
  logEvents(w.kit.events, logger);
  const page = readFileSync("docs/api.md", "utf8");
  const [, events = ""] = /^## Events$([^]*?)^## /m.exec(page) ?? [];
  const listed = [...events.matchAll(/^### `([\w.]+)`/gm)];
  expect(listed.map(([, name]) => name).sort()).toEqual(
    w.kit.events.eventNames().sort(),
  );
});

test("a console gets one line of text for each event, with the fields behind it", async () => {
  w = await lyingWorld();
  const written: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
  const stop = logEvents(w.kit.events, new Console(stream));
  await createTestBrowser().navigate(`${w.url}/callback?state=a&code=b%0A`);
  stop();
  expect(written).toEqual([
    expect.stringMatching(
      /^\S+Z login kit: provider\.found provider="default" issuer="[^"]+" summary="[^\n"]*"\n$/,
    ),
    expect.stringMatching(
      /^\S+Z login kit: login\.failed code="ERR_TRANSACTION_NOT_FOUND" diagnosis="[^\n]*" address="[^\n"]*"\n$/,
    ),
    expect.stringMatching(/^\S+Z login kit: request\.refused code=[^\n]*\n$/),
  ]);
});

test("the provider's own words are in login.failed, without what it was sent", async () => {
  w = await lyingWorld();
  const state = "s".repeat(43);
  const query = new URLSearchParams({
    state,
    error: "invalid_request",
    error_description: `redirect_uri\nis wrong for ${state}`,
  });
  const [, failed] = await logged(async () => {
    await createTestBrowser().navigate(`${w.url}/callback?${String(query)}`);
  });
  expect(failed).toMatchObject({
    event: "login.failed",
    oauthError: "invalid_request",
    oauthErrorDescription: "redirect_uri?is wrong for [cut]",
  });
});

describe("ASVS 16.2.1, 16.3.1: who, what, when, from where, and how it ended", () => {
  // Shows: ASVS 16.2.1, 16.2.2, 16.3.1
  test("a login and a logout", async () => {
    w = await lyingWorld();
    const lines = await logged(async () => {
      const browser = await w.signIn("alice");
      await browser.fetchJson(`${w.url}/logout`, { method: "POST" });
    });
    expect(lines.shift()).toMatchObject({ event: "provider.found" });
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    const who = {
      provider: "default",
      issuer: w.provider.issuer,
      subject: "alice",
      loginId: expect.stringMatching(/^[\w-]{22}$/),
    };
    expect(lines).toEqual([
      {
        level: "info",
        message: "login kit: login.started",
        event: "login.started",
        outcome: "success",
        at,
        returnTo: "/me",
        address: "127.0.0.1",
      },
      {
        level: "info",
        message: "login kit: login.succeeded",
        event: "login.succeeded",
        outcome: "success",
        at,
        ...who,
        address: "127.0.0.1",
      },
      {
        level: "info",
        message: "login kit: login.ended",
        event: "login.ended",
        outcome: "success",
        at,
        ...who,
        reason: "logout",
      },
    ]);
  });

  test("ASVS 16.3.2, 16.3.3: refused requests and failed logins", async () => {
    w = await lyingWorld();
    const lines = await logged(async () => {
      await createTestBrowser().fetchJson(`${w.url}/me?secret=1`);
      await createTestBrowser().navigate(`${w.url}/callback?state=a&code=b`);
    });
    expect(
      lines
        .filter(({ event }) => event !== "provider.found")
        .map(({ level, event, outcome, code, path }) => [
          level,
          event,
          outcome,
          code,
          path,
        ]),
    ).toEqual([
      ["warn", "request.refused", "failure", "ERR_LOGIN_REQUIRED", "/me"],
      [
        "warn",
        "login.failed",
        "failure",
        "ERR_TRANSACTION_NOT_FOUND",
        undefined,
      ],
      [
        "warn",
        "request.refused",
        "failure",
        "ERR_TRANSACTION_NOT_FOUND",
        "/callback",
      ],
    ]);
  });

  test("ASVS 16.3.4: a provider that is away", async () => {
    w = await lyingWorld();
    w.provider.misbehave = {
      intercept(_req, res) {
        res.status(500).end();
      },
    };
    const lines = await logged(async () => {
      await createTestBrowser().navigate(`${w.url}/login`);
    });
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: "error",
        event: "failure",
        code: "ERR_PROVIDER_UNAVAILABLE",
      }),
    );
  });
});

test("ASVS 16.4.1: whatever a provider names a user, it is one line", async () => {
  w = await lyingWorld();
  const subject =
    'eve\n{"level":"info","subject":"admin"}\r\u2028\u001b[2J\u202e';
  const written: string[] = [];
  const lines = await logged(async () => {
    const stop = logEvents(
      w.kit.events,
      pino({}, { write: (line: string) => written.push(line) }),
    );
    w.kit.events.emit("login.ended", {
      loginId: "x",
      provider: "default",
      issuer: w.provider.issuer,
      subject,
      reason: "logout",
    });
    stop();
    await Promise.resolve();
  });
  expect(lines[0]?.["subject"]).toBe(
    'eve?{"level":"info","subject":"admin"}???[2J?',
  );
  expect(written).toHaveLength(1);
  expect(written[0]?.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(String(written[0]))).toMatchObject({ level: 30 });
});

test("a logger that throws does not disturb a login", async () => {
  w = await lyingWorld();
  const fail = (): never => {
    throw new Error("the disk is full");
  };
  logEvents(w.kit.events, { info: fail, warn: fail, error: fail });
  const browser = await w.signIn("alice");
  expect(await w.statusFor(browser)).toBe(200);
});
