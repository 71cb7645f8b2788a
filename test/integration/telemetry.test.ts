/** The option `telemetry`: what is measured and traced, by a real SDK. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as api from "@opentelemetry/api";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import {
  failureTexts,
  LoginKitError,
  type LoginKitEvents,
  type LoginKitOptions,
  loginOf,
} from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { openSocket, openStream } from "../support/live-connections.js";
import { liveWorld } from "../support/live-world.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import {
  recordingServer,
  type RecordingServer,
} from "../support/recording-server.js";
import { type Sdk, startSdk } from "../support/telemetry.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { closeRedis, sharedRedis } from "../support/world.js";

let sdk: Sdk;
let orders: RecordingServer;
let w: LyingWorld;

beforeEach(async () => {
  sdk = await startSdk();
  orders = await recordingServer();
});
afterEach(async () => {
  releaseClock();
  await Promise.all([w.close(), orders.close(), sdk.close()]);
});
afterAll(closeRedis);

async function start(
  telemetry: LoginKitOptions["telemetry"] | "none" = api,
): Promise<void> {
  w = await lyingWorld({
    redis: await sharedRedis(),
    kit: {
      redisKeyPrefix: `${randomUUID()}:`,
      ...(telemetry !== "none" && { telemetry }),
      scope: "openid offline_access",
      resourceServers: { orders: { url: `${orders.url}/v1` } },
    },
    routes(app, kit) {
      app.use("/api", kit.requireAuth(), kit.forward("orders"));
      app.get("/server-side", kit.requireAuth(), async (req, res) => {
        await sdk.inSpan(() => loginOf(req).fetch(`${orders.url}/v1/orders`));
        res.end();
      });
    },
  });
}

const ask = (browser: TestBrowser): Promise<Response> =>
  browser.fetchJson(`${w.url}/api/orders?secret=tea`);

describe("Prometheus reads", () => {
  test("sign-ins that were started and finished, by outcome", async () => {
    await start();
    await w.signIn("alice");
    await w.signIn("bob");
    const { sum } = await sdk.scrape();
    expect(sum("login_kit_sign_in_started_total")).toBe(2);
    expect(
      sum("login_kit_sign_in_finished_total", {
        login_kit_outcome: "succeeded",
        login_kit_provider_name: "default",
      }),
    ).toBe(2);
  });

  test("a sign-in that failed, by its error code", async () => {
    await start();
    const answer = await fetch(`${w.url}/callback?code=c&state=s`);
    expect(answer.status).toBe(400);
    const { sum } = await sdk.scrape();
    expect(
      sum("login_kit_sign_in_finished_total", {
        login_kit_outcome: "failed",
        error_type: "ERR_TRANSACTION_NOT_FOUND",
      }),
    ).toBe(1);
    expect(
      sum("login_kit_request_refused_total", {
        error_type: "ERR_TRANSACTION_NOT_FOUND",
      }),
    ).toBe(1);
  });

  test("refreshes, the requests for them, and how long requests waited", async () => {
    takeClock();
    await start();
    const browser = await w.signIn("alice");
    passSeconds(301);
    const answers = await Promise.all([ask(browser), ask(browser)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const { sum } = await sdk.scrape();
    expect(
      sum("login_kit_token_refreshes_total", {
        login_kit_outcome: "succeeded",
      }),
    ).toBe(1);
    expect(sum("login_kit_token_requests_total")).toBe(1);
    expect(sum("login_kit_token_wait_duration_count")).toBe(2);
  });

  test("requests to provider and resource server, by whom they went to and their status", async () => {
    await start();
    const browser = await w.signIn("alice");
    orders.answer = (_req, res) => {
      res.writeHead(503).end();
    };
    await ask(browser);
    const { sum } = await sdk.scrape();
    expect(
      sum("http_client_request_duration_count", {
        login_kit_provider_name: "default",
        http_request_method: "POST",
        http_response_status_code: "200",
      }),
    ).toBe(1);
    expect(
      sum("http_client_request_duration_count", {
        login_kit_resource_server_name: "orders",
        http_request_method: "GET",
        server_address: "127.0.0.1",
        server_port: new URL(orders.url).port,
        http_response_status_code: "503",
        error_type: "503",
      }),
    ).toBe(1);
  });

  test("a guarded request as one read of the store", async () => {
    await start();
    const browser = await w.signIn("alice");
    const read = { db_operation_name: "read", db_system_name: "redis" };
    const operations = "db_client_operation_duration_count";
    const before = await sdk.scrape();
    await w.statusFor(browser);
    const after = await sdk.scrape();
    expect(after.sum(operations, read)).toBe(before.sum(operations, read) + 1);
    expect(after.sum(operations)).toBe(before.sum(operations) + 1);
  });

  test("open streams while they are open, and ends by reason", async () => {
    await start();
    const browser = await w.signIn("alice");
    const stream = await openStream(browser, `${w.url}/session/events`);
    expect((await sdk.scrape()).sum("login_kit_streams_open")).toBe(1);
    expect(await w.kit.sessions.endAll("alice")).toBe(1);
    await stream.ended;
    await until(
      "the stream is closed",
      async () => (await sdk.scrape()).sum("login_kit_streams_open") === 0,
    );
    const { sum } = await sdk.scrape();
    expect(
      sum("login_kit_login_ended_total", { login_kit_end_reason: "revoked" }),
    ).toBe(1);
  });
});

describe("every name exists", () => {
  const read = (page: string): string =>
    readFileSync(join(import.meta.dirname, "../../docs", page), "utf8");
  const documented = [
    ...read("operations.md").matchAll(/^\| `([\w.]+)`/gm),
  ].map(([, name = ""]) => name);
  const [, rules = ""] =
    /```yaml\n([^]*?)```/.exec(read("operations.md")) ?? [];
  const { panels } = JSON.parse(read("operations/dashboard.json")) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const queries = [
    rules,
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ];
  /** Of metrics and labels; "(_seconds)?" is what other exporters add. */
  const queried = queries
    .flatMap((query) => [
      ...query
        .replaceAll("(_seconds)?", "")
        .matchAll(/\b(?:login_kit|http_|db_|error_|server_)\w+/g),
    ])
    .map(([name]) => name);

  /** One of each event, and whatever no event is about. */
  async function everything(): Promise<Awaited<ReturnType<Sdk["scrape"]>>> {
    takeClock();
    await start();
    const browser = await w.signIn("alice");
    passSeconds(301);
    await ask(browser);
    orders.answer = (_req, res) => {
      res.writeHead(503).end();
    };
    await ask(browser);
    const code = "ERR_PROVIDER_UNAVAILABLE";
    const subject = {
      loginId: "id",
      provider: "default",
      issuer: "https://op.example",
      subject: "alice",
    };
    const address = undefined;
    const diagnosis = "";
    const events: {
      readonly [Name in keyof LoginKitEvents]: LoginKitEvents[Name][0];
    } = {
      "provider.found": {
        provider: "default",
        issuer: "https://op.example",
        choices: [],
        summary: "",
      },
      "login.started": { returnTo: "/", address },
      "login.succeeded": { ...subject, address },
      "login.failed": { code, diagnosis, address },
      "login.ended": { ...subject, reason: "logout" },
      "logout.received": { channel: "back", ended: 1 },
      "token.refreshed": subject,
      "token.refresh_failed": { ...subject, code },
      "claims.refreshed": subject,
      "claims.refresh_failed": { ...subject, code, diagnosis },
      "token.revocation_failed": { ...subject, code },
      "token.not_revoked": { ...subject, reason: "revoked" },
      "request.refused": { code, method: "GET", path: "/", diagnosis, address },
      error: new LoginKitError(code),
    };
    for (const [name, event] of Object.entries(events)) {
      (w.kit.events as NodeJS.EventEmitter).emit(name, event);
    }
    return sdk.scrape();
  }

  test("that dashboard and alert rules ask for", async () => {
    expect(queried.length).toBeGreaterThan(50);
    const { names } = await everything();
    const unknown = queried.filter((name) => !names.has(name));
    expect([...new Set(unknown)]).toEqual([]);
  });

  test("that docs/operations.md documents, and none besides", async () => {
    const { text } = await everything();
    const exported = [...text.matchAll(/^# TYPE (\w+) /gm)]
      .map(([, name = ""]) => name.replace(/_total$/, ""))
      .filter((name) => name !== "target_info");
    const asExported = documented.map((name) => name.replaceAll(".", "_"));
    expect(exported.sort()).toEqual(asExported.sort());
  });

  test("of error codes in the alert rules", () => {
    const codes = [...rules.matchAll(/ERR_[A-Z_]+(?![A-Z_.*])/g)]
      .map(([code]) => code)
      .filter((code) => !code.endsWith("_"));
    expect(codes.length).toBeGreaterThan(2);
    const unknown = codes.filter((code) => !(code in failureTexts));
    expect(unknown).toEqual([]);
  });
});

describe("traces", () => {
  const spansTo = (attribute: string) =>
    sdk.spans().filter(({ attributes }) => attribute in attributes);

  test("have a client span for each request and each answer of the store", async () => {
    await start();
    const browser = await w.signIn("alice");
    await ask(browser);
    const [token] = spansTo("login_kit.provider.name").filter(
      ({ name }) => name === "POST",
    );
    expect(token?.kind).toBe(SpanKind.CLIENT);
    expect(token?.attributes["url.full"]).toBe(`${w.provider.issuer}/token`);
    const [forwarded] = spansTo("login_kit.resource_server.name");
    expect(forwarded?.attributes).toEqual({
      "login_kit.resource_server.name": "orders",
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(orders.url).port),
      // Without the query.
      "url.full": `${orders.url}/v1/orders`,
    });
    const reads = spansTo("db.operation.name");
    expect(reads.map(({ name }) => name)).toContain("read");
  });

  test("are below what the application has under way, and go on at the resource server", async () => {
    await start();
    const browser = await w.signIn("alice");
    await browser.fetchJson(`${w.url}/server-side`);
    const application = sdk.spans().find(({ name }) => name === "request");
    const [sent] = spansTo("login_kit.resource_server.name");
    const { traceId = "", spanId = "" } = application?.spanContext() ?? {};
    expect(sent?.parentSpanContext?.spanId).toBe(spanId);
    expect(orders.requests[0]?.headers["traceparent"]).toBe(
      `00-${traceId}-${sent?.spanContext().spanId ?? ""}-01`,
    );
  });

  test("do not carry baggage on", async () => {
    await start();
    const browser = await w.signIn("alice");
    await browser.fetchJson(`${w.url}/server-side`);
    const { headers } = orders.requests[0] ?? {};
    expect(headers?.["traceparent"]).toBeDefined();
    expect(headers?.["baggage"]).toBeUndefined();
  });

  test("go on at the provider, and at what is forwarded", async () => {
    await start();
    const browser = await w.signIn("alice");
    await ask(browser);
    const [, token] = spansTo("login_kit.provider.name");
    const received = w.provider.received.find(({ path }) => path === "/token");
    expect(received?.headers["traceparent"]).toContain(
      token?.spanContext().traceId,
    );
    const [forwarded] = spansTo("login_kit.resource_server.name");
    expect(orders.requests[0]?.headers["traceparent"]).toContain(
      forwarded?.spanContext().spanId,
    );
  });

  test("go on in the handshake of a WebSocket", async () => {
    await start();
    const live = await liveWorld(() => undefined, undefined, {
      telemetry: api,
    });
    try {
      const browser = await live.signIn("alice");
      const socket = await openSocket(browser, `${live.url}/api/live`);
      const [handshake] = spansTo("login_kit.resource_server.name");
      expect(handshake?.attributes["http.response.status_code"]).toBe(101);
      expect(live.api.arrived[0]?.headers["traceparent"]).toContain(
        handshake?.spanContext().spanId,
      );
      socket.terminate();
    } finally {
      await live.close();
    }
  });

  test("mark what failed, by its error code", async () => {
    await start();
    const browser = await w.signIn("alice");
    await orders.close();
    await ask(browser);
    const [failed] = spansTo("login_kit.resource_server.name");
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
    expect(failed?.attributes["error.type"]).toBe("ERR_RESOURCE_UNAVAILABLE");
  });

  test("hold no token, code, cookie, user or query; nor do metrics", async () => {
    takeClock();
    await start();
    const browser = await w.signIn("alice");
    passSeconds(301);
    await ask(browser);
    await w.kit.sessions.endAll("alice");
    await until("tokens are revoked", () => w.provider.revoked.length > 0);
    const { text } = await sdk.scrape();
    const told = sdk
      .spans()
      .map(({ name, attributes, status, events }) =>
        JSON.stringify({ name, attributes, status, events }),
      );
    const all = [text, ...told].join("\n");
    const cookies = await browser.jar.getCookies(w.url);
    const received = w.provider.received.flatMap(({ form, query }) => [
      ...form.values(),
      ...query.values(),
    ]);
    const secrets = [
      ...cookies.map(({ value }) => value),
      ...received.filter((value) => value.length > 20),
      String(orders.requests[0]?.headers.authorization).slice("Bearer ".length),
      "alice",
      "secret=tea",
    ];
    expect(secrets.length).toBeGreaterThan(5);
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
  });
});

test("{ metrics } alone measures, and makes no spans", async () => {
  await start({ metrics: api.metrics });
  const browser = await w.signIn("alice");
  await ask(browser);
  expect(orders.requests[0]?.headers["traceparent"]).toBeUndefined();
  expect(sdk.spans()).toEqual([]);
  const { sum } = await sdk.scrape();
  expect(
    sum("http_client_request_duration_count", {
      login_kit_resource_server_name: "orders",
    }),
  ).toBe(1);
});

test("without the option nothing is measured, traced or put on requests", async () => {
  await start("none");
  const browser = await w.signIn("alice");
  await ask(browser);
  expect(orders.requests[0]?.headers["traceparent"]).toBeUndefined();
  expect(sdk.spans()).toEqual([]);
  expect((await sdk.scrape()).text).not.toMatch(/login_kit|http_|db_/);
});
