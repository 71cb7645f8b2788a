/** The option `fetch`: the application's own way to resource servers, under the rules of `loginOf(req).fetch`. */
import { inspect } from "node:util";

import { afterEach, describe, expect, test } from "@jest/globals";
import { Agent, fetch as undiciFetch, ProxyAgent } from "undici";

import {
  type Login,
  type LoginKitOptions,
  loginOf,
  type OutgoingFetch,
  type ResourceServerOptions,
} from "../../lib/index.js";
import { beforeControl } from "../support/before-control.js";
import {
  forwardWorld,
  type ForwardWorld,
  type ServerSideBody,
} from "../support/forward-world.js";
import { mutualTlsServer } from "../support/mutual-tls.js";
import { tunnelProxy } from "../support/tunnel-proxy.js";
import { until } from "../support/until.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface FetchWorld extends ForwardWorld {
  /** Runs in the application, for the signed-in user; gives what is answered. */
  readonly run: (
    call: (login: Login) => Promise<unknown>,
  ) => Promise<{ status: number; body: unknown }>;
}

async function start(
  fetchOption: OutgoingFetch,
  server: Partial<ResourceServerOptions> = {},
  kit: Partial<LoginKitOptions> = {},
): Promise<FetchWorld> {
  let call = (_login: Login): Promise<unknown> => Promise.resolve(undefined);
  const w = await forwardWorld({
    server,
    kit: { ...kit, fetch: fetchOption },
    before(app, { requireAuth }) {
      app.get("/run", requireAuth(), async (req, res) => {
        res.json({ result: await call(loginOf(req)) });
      });
    },
  });
  ends.push(w.close);
  return {
    ...w,
    async run(given) {
      call = given;
      const answer = await w.browser.fetchJson(`${w.url}/run`);
      return { status: answer.status, body: await answer.json() };
    },
  };
}

const get = (w: ForwardWorld) => async (login: Login) =>
  (await login.fetch(`${w.api.url}/v1/orders`)).status;

const UNAVAILABLE = {
  status: 502,
  body: { code: "ERR_RESOURCE_UNAVAILABLE" },
};

/** Only what goes to the resource server; what goes to the provider is right. */
function towardsApi(how: (...given: Parameters<OutgoingFetch>) => unknown) {
  return ((url, request) =>
    url.endsWith("/v1/orders")
      ? how(url, request)
      : fetch(url, request)) as OutgoingFetch;
}

test("a request with the user's token goes through it, and the answer is its answer", async () => {
  const asked: string[] = [];
  const w = await start((url, request) => {
    asked.push(`${request.method} ${url}`);
    return fetch(url, request);
  });
  w.api.answer = (_req, res) => {
    res.writeHead(404, "No Such Order", { "x-order": "17" }).end("none");
  };
  const address = `${w.api.url}/v1/orders?page=2`;
  const { body } = await w.run(async (login) => {
    const answer = await login.fetch(address, { headers: { "x-trace": "1" } });
    const { status, statusText, url, headers } = answer;
    const text = await answer.text();
    return { status, statusText, url, order: headers.get("x-order"), text };
  });
  expect(body).toEqual({
    result: {
      status: 404,
      statusText: "No Such Order",
      url: address,
      order: "17",
      text: "none",
    },
  });
  expect(asked).toContain(`GET ${address}`);
  expect(w.api.requests[0]?.headers).toMatchObject({
    authorization: expect.stringMatching(/^Bearer .+/),
    "x-trace": "1",
  });
});

test("undici's fetch with a ProxyAgent: the API is reached through the proxy", async () => {
  const { url: uri, targets, close } = await tunnelProxy();
  const dispatcher = new ProxyAgent({ uri, proxyTunnel: true });
  ends.push(() => dispatcher.destroy(), close);
  const w = await start((url, request) =>
    undiciFetch(url, { ...request, dispatcher }),
  );
  expect(await w.run(get(w))).toEqual({ status: 200, body: { result: 200 } });
  expect(targets).toContain(new URL(w.api.url).host);
});

test.each<[ServerSideBody, string | undefined, string | RegExp]>([
  ["text", "text/plain;charset=UTF-8", "tea"],
  ["an ArrayBuffer", undefined, "tea"],
  ["bytes", undefined, "tea"],
  ["a Blob", undefined, "tea"],
  ["a query", "application/x-www-form-urlencoded;charset=UTF-8", "drink=tea"],
  ["a form", "multipart/form-data; boundary=", /name="drink"\r\n\r\ntea\r\n/],
  ["a stream", undefined, "tea"],
  ["a generator", undefined, "tea"],
  ["a Node stream", undefined, "tea"],
])(
  "%s as a body: the fetch of another library sends it",
  async (body, type, text) => {
    const w = await start((url, request) => undiciFetch(url, request));
    const answer = await w.browser.fetchJson(
      `${w.url}/server-side?body=${body}`,
      {
        method: "POST",
      },
    );
    expect(answer.status).toBe(200);
    const [request] = w.api.requests;
    expect(request?.headers["content-type"] ?? "").toContain(type ?? "");
    expect(request?.body).toEqual(
      typeof text === "string" ? text : expect.stringMatching(text),
    );
  },
);

test("bodies stream: the first piece of each is there before the second is made", async () => {
  const w = await start((url, request) => undiciFetch(url, request));
  let sent = "";
  w.api.arriving = (req, res) => {
    if (req.url !== "/v1/orders") return;
    req.on("data", (piece: Buffer) => {
      sent += String(piece);
      res.write(piece);
    });
  };
  w.api.answer = (_req, res) => res.end();
  const { body } = await w.run(async (login) => {
    const feed = new TransformStream<Uint8Array, Uint8Array>();
    const pen = feed.writable.getWriter();
    const answer = login.fetch(`${w.api.url}/v1/orders`, {
      method: "POST",
      body: feed.readable,
      ...{ duplex: "half" },
    });
    await pen.write(Buffer.from("one"));
    const reader = (await answer).body?.getReader();
    const first = String(Buffer.from((await reader?.read())?.value ?? []));
    await until("the server has the first piece", () => sent === "one");
    await pen.write(Buffer.from("two"));
    const second = String(Buffer.from((await reader?.read())?.value ?? []));
    await pen.close();
    return [first, second, (await reader?.read())?.done];
  });
  expect(body).toEqual({ result: ["one", "two", true] });
});

test("an answer that nobody reads on is given up: its connection closes", async () => {
  const w = await start((url, request) => undiciFetch(url, request));
  let isClosed = false;
  w.api.answer = (_req, res) => {
    res.on("close", () => (isClosed = true));
    res.write("one");
  };
  await w.run(async (login) => {
    const reader = (
      await login.fetch(`${w.api.url}/v1/orders`)
    ).body?.getReader();
    await reader?.read();
    // A read that waits does not hold it up.
    const waiting = reader?.read();
    await reader?.cancel();
    return (await waiting)?.done;
  });
  await until("the connection is closed", () => isClosed);
});

describe("what it does instead of answering is ERR_RESOURCE_UNAVAILABLE", () => {
  const answers: [string, (...given: Parameters<OutgoingFetch>) => unknown][] =
    [
      ["throws", () => Promise.reject(new Error("no route"))],
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what an application may do
      ["throws no error", () => Promise.reject("out of order")],
      ["answers nothing", () => undefined],
      ["answers without headers", () => ({ status: 200, body: null })],
      [
        "answers a status that there is not",
        () => ({ status: 999, headers: new Headers(), body: null }),
      ],
      [
        "answers a body that is a text",
        () => ({ status: 200, headers: new Headers(), body: "{}" }),
      ],
    ];
  test.each(answers)("%s", async (_how, spoiled) => {
    const w = await start(towardsApi(spoiled));
    expect(await w.run(get(w))).toMatchObject(UNAVAILABLE);
  });

  test("follows a redirect, with the token; what it was sent to is no answer", async () => {
    const w = await start((url, request) =>
      fetch(url, { ...request, redirect: "follow" }),
    );
    w.api.answer = (req, res) => {
      if (req.url !== "/v1/orders") res.end("{}");
      else res.writeHead(307, { location: "/elsewhere" }).end();
    };
    expect(await w.run(get(w))).toMatchObject(UNAVAILABLE);
  });

  test("breaks off: reading the answer says so", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from("one"));
      throw new Error("the tunnel broke");
    }
    const w = await start(
      towardsApi(() => ({
        status: 200,
        headers: new Headers(),
        body: broken(),
      })),
    );
    const { body } = await w.run(async (login) => {
      const answer = await login.fetch(`${w.api.url}/v1/orders`);
      return answer.text().catch(String);
    });
    expect(body).toEqual({
      result: expect.stringContaining("failed: the tunnel broke"),
    });
  });
});

test("a redirect that it does not follow is the answer", async () => {
  const w = await start((url, request) => undiciFetch(url, request));
  w.api.answer = (_req, res) => {
    res.writeHead(307, { location: "/elsewhere" }).end();
  };
  expect(await w.run(get(w))).toMatchObject({ body: { result: 307 } });
  expect(w.api.requests).toHaveLength(1);
});

test("what it throws tells neither the token nor what the application sent", async () => {
  const secrets: string[] = [];
  const w = await start(
    towardsApi((_url, request) => {
      const { authorization = "", "x-api-key": key = "" } = request.headers;
      secrets.push(authorization.replace("Bearer ", ""), key);
      throw new Error(`${secrets.join(" ")} ${inspect(request)}`);
    }),
  );
  const told: string[] = [];
  w.kit.events.on("request.refused", (event) => {
    told.push(inspect(event, { depth: null, showHidden: true }));
  });
  w.kit.events.on("error", (error) => {
    told.push(inspect(error, { depth: null, showHidden: true }));
  });
  const { status, body } = await w.run((login) =>
    login.fetch(`${w.api.url}/v1/orders`, {
      method: "POST",
      headers: { "x-api-key": "a-key-that-nobody-sees" },
      body: JSON.stringify({ iban: "DE02120300000000202051" }),
    }),
  );
  expect(status).toBe(502);
  expect(secrets).toHaveLength(2);
  const everything = [...told, JSON.stringify(body)].join("\n");
  expect(everything).toContain("the function fetch of the options failed");
  for (const secret of [...secrets, "DE02120300000000202051"]) {
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(secret.slice(0, 16));
  }
});

describe("although it does not look at the signal", () => {
  const never = towardsApi(() => new Promise(() => undefined));

  test("an answer that never comes is ERR_RESOURCE_TIMEOUT", async () => {
    const w = await start(never, { timeoutSeconds: 0.2 });
    const answer = w.run(get(w));
    await beforeControl(10_000, answer);
    expect(await answer).toMatchObject({
      status: 504,
      body: { code: "ERR_RESOURCE_TIMEOUT" },
    });
  });

  test("the caller's own signal ends the wait with its own reason", async () => {
    const w = await start(never);
    const answer = w.run(async (login) => {
      const { signal, abort } = abortable();
      const waiting = login.fetch(`${w.api.url}/v1/orders`, { signal });
      abort();
      return waiting.catch(String);
    });
    await beforeControl(10_000, answer);
    expect(await answer).toMatchObject({ body: { result: "Error: enough" } });
  });

  test("and the reading of an answer that has begun", async () => {
    const silent = new ReadableStream();
    const w = await start(
      towardsApi(() => ({ status: 200, headers: new Headers(), body: silent })),
    );
    const answer = w.run(async (login) => {
      const { signal, abort } = abortable();
      const { body } = await login.fetch(`${w.api.url}/v1/orders`, { signal });
      const reading = body?.getReader().read();
      abort();
      return reading?.catch(String);
    });
    await beforeControl(10_000, answer);
    expect(await answer).toMatchObject({ body: { result: "Error: enough" } });
  });
});

function abortable() {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    abort: () => {
      controller.abort(new Error("enough"));
    },
  };
}

test("mutual TLS: with its own authority and certificate the API answers, without it does not", async () => {
  const { url, trust, connections, close } = await mutualTlsServer();
  const dispatcher = new Agent({ connect: trust });
  ends.push(() => dispatcher.destroy(), close);
  const ask = (login: Login) =>
    login.fetch(`${url}/orders`).then((answer) => answer.text());
  const trusted = await start(
    (address, request) => undiciFetch(address, { ...request, dispatcher }),
    { url },
  );
  expect(await trusted.run(ask)).toMatchObject({ body: { result: "Bearer" } });
  const strange = await start((address, request) => fetch(address, request), {
    url,
  });
  expect(await strange.run(ask)).toMatchObject(UNAVAILABLE);
  expect(connections()).toBe(1);
});
