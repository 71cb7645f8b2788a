/** Answers that last: event streams and others, and what ends them. */
import type { ServerResponse } from "node:http";

import { afterEach, describe, expect, test } from "@jest/globals";

import { beforeControl } from "../support/before-control.js";
import {
  forwardWorld,
  type ForwardWorld,
  type ForwardWorldOptions,
} from "../support/forward-world.js";
import { type LiveStream, openStream } from "../support/live-connections.js";
import { until } from "../support/until.js";

/** Less than it takes to find the end of a login by looking, in milliseconds. */
const FOUND_BY_LOOKING = 10_000;

let w: ForwardWorld;
/** The answers that the resource server has begun. */
let answers: ServerResponse[];
afterEach(() => w.close());

/** A resource server that begins an answer of this type and sends one piece. */
async function start(
  server: ForwardWorldOptions["server"] = {},
  contentType = "text/event-stream",
): Promise<void> {
  w = await forwardWorld({ server });
  answers = [];
  w.api.answer = (_req, res) => {
    answers.push(res);
    res.setHeader("Content-Type", contentType).write("data: 1\n\n");
  };
}

const open = (browser = w.browser): Promise<LiveStream> =>
  openStream(browser, `${w.url}/api/events`);

describe("an event stream", () => {
  test("begins before its first event", async () => {
    await start();
    w.api.answer = (_req, res) => {
      answers.push(res);
      res.setHeader("Content-Type", "text/event-stream").flushHeaders();
    };
    const answer = await w.fetch("/events");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    await answer.body?.cancel();
  });

  test("each event is passed on at once", async () => {
    await start();
    const stream = await open();
    for (const event of ["data: 2\n\n", "data: 3\n\n", ":\n\n"]) {
      answers[0]?.write(event);
      await until("it arrives", () => stream.text().endsWith(event));
    }
    expect(stream.text()).toBe("data: 1\n\ndata: 2\n\ndata: 3\n\n:\n\n");
    stream.abort();
  });

  test.each([
    "text/event-stream",
    "text/event-stream; charset=utf-8",
    "Text/Event-Stream",
  ])("%s: may be silent longer than timeoutSeconds", async (contentType) => {
    await start({ timeoutSeconds: 0.5 }, contentType);
    const stream = await open();
    // As long as two answers take that are ended because of their silence.
    w.api.answer = () => undefined;
    for (let round = 0; round < 2; round++) {
      expect((await w.fetch("/silent")).status).toBe(504);
    }
    expect(stream.isOpen()).toBe(true);
    answers[0]?.end("data: 2\n\n");
    await stream.ended;
    expect(stream.text()).toBe("data: 1\n\ndata: 2\n\n");
  });

  test("Last-Event-ID is passed on", async () => {
    await start();
    const answer = await w.fetch("/events", {
      headers: { "Last-Event-ID": "17", Accept: "text/event-stream" },
    });
    expect(w.api.requests[0]?.headers).toMatchObject({
      "last-event-id": "17",
      accept: "text/event-stream",
    });
    await answer.body?.cancel();
  });

  test("a browser that leaves ends it at the resource server", async () => {
    await start();
    const stream = await open();
    stream.abort();
    await until("it is closed", () => answers[0]?.closed === true);
  });

  test("a resource server that breaks it off breaks it for the browser", async () => {
    await start();
    const stream = await open();
    answers[0]?.destroy();
    await expect(stream.ended).rejects.toThrow();
  });
});

describe("a login that ends", () => {
  test.each([
    ["signing out", () => signOut()],
    ["kit.sessions.endAll", () => w.kit.sessions.endAll("alice")],
  ])(
    "by %s: ends its event streams at once, here and at the resource server",
    async (_how, end) => {
      await start();
      const streams = [await open(), await open()];
      await end();
      await beforeControl(
        FOUND_BY_LOOKING,
        until("they are over", () =>
          streams.every((stream) => !stream.isOpen()),
        ),
      );
      await until("the resource server knows", () =>
        answers.every((res) => res.closed),
      );
    },
  );

  test("ends other answers that have lasted longer than a second or two", async () => {
    await start({}, "application/x-ndjson");
    const stream = await open();
    await lasts();
    await w.kit.sessions.endAll("alice");
    await beforeControl(
      FOUND_BY_LOOKING,
      until("it is over", () => !stream.isOpen()),
    );
    await until("the resource server knows", () => answers[0]?.closed === true);
  });

  test("ends a request that still waits for its answer: 401 ERR_LOGIN_REQUIRED", async () => {
    await start();
    w.api.answer = () => undefined;
    const answer = w.fetch("/slow");
    await until("it arrives", () => w.api.begun.includes("/v1/slow"));
    await lasts();
    await w.kit.sessions.endAll("alice");
    const { status, body } = await beforeControl(FOUND_BY_LOOKING, answer);
    expect(status).toBe(401);
    await body?.cancel();
  });

  test("leaves the streams of other logins alone, of the same user too", async () => {
    await start();
    const stream = await open();
    const other = await open(await w.signIn("alice"));
    const bobs = await open(await w.signIn("bob"));
    await signOut();
    await until("it is over", () => !stream.isOpen());
    for (const res of answers) if (!res.closed) res.write("data: 2\n\n");
    await until("the others go on", () =>
      [other, bobs].every((left) => left.text().endsWith("data: 2\n\n")),
    );
    expect([other.isOpen(), bobs.isOpen()]).toEqual([true, true]);
    for (const left of [other, bobs]) left.abort();
  });

  test("ended streams leave room for maxRequestsPerLogin and maxConnections", async () => {
    await start({ maxConnections: 1, maxRequestsPerLogin: 1 });
    const stream = await open();
    await w.kit.sessions.endAll("alice");
    await until("it is over", () => !stream.isOpen());
    const again = await open(await w.signIn("alice"));
    expect(again.isOpen()).toBe(true);
    again.abort();
  });

  test("is no failure: the event error is not emitted", async () => {
    await start();
    const errors: unknown[] = [];
    w.kit.events.on("error", (error) => errors.push(error));
    const stream = await open();
    await w.kit.sessions.endAll("alice");
    await until("it is over", () => !stream.isOpen());
    expect(errors).toEqual([]);
  });
});

/** So long that an exchange, which is looked at once a second, is told of the end of its login. */
async function lasts(): Promise<void> {
  const from = performance.now();
  await until("it lasts", () => performance.now() - from > 1500);
}

function signOut(): Promise<unknown> {
  return w.browser.request(`${w.url}/logout`, {
    method: "POST",
    initiator: w.url,
  });
}
