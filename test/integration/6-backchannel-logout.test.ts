/** The back-channel logout endpoint: where it is, what it reads, and what it answers and tells. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import express, { type RequestHandler } from "express";

import { ConfigError, createLoginKit, logEvents } from "../../lib/index.js";
import { leaveEmptyBody } from "../support/empty-body.js";
import { type LogoutTokenOptions } from "../support/lying-provider.js";
import { lyingKitOptions } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { CLIENT_ID, closeRedis } from "../support/world.js";
import {
  withAlice,
  fromNow,
  tokenOf,
  expectAccepted,
  expectRefused,
  expectInvalidRequest,
  send,
  FORM,
  startWorld,
  endWorld,
  w,
} from "../support/backchannel.js";

afterEach(endWorld);
afterAll(closeRedis);

describe("BCL-01: the address to register", () => {
  test("BCL-01: is baseUrl and the path, so it is absolute", async () => {
    await withAlice({ kit: { paths: { backchannelLogout: "/oidc/out" } } });
    const address = new URL("/oidc/out", w.app.url);
    await expectAccepted(
      await w.provider.postLogoutToken(address.href, tokenOf()),
    );
  });

  test.each([
    ["fragment", "/backchannel-logout#part"],
    ["host of another", "//evil.example/backchannel-logout"],
    ["scheme", "https://evil.example/backchannel-logout"],
  ])("BCL-01: has no %s", async (_what, backchannelLogout) => {
    await startWorld();
    expect(() =>
      createLoginKit({
        ...lyingKitOptions(w.provider, w.app.url),
        paths: { backchannelLogout },
      }),
    ).toThrow(ConfigError);
  });

  test("BCL-01: is https beyond loopback", async () => {
    await startWorld();
    expect(() =>
      createLoginKit(lyingKitOptions(w.provider, "http://shop.example")),
    ).toThrow(/baseUrl: must be https/);
  });
});

describe("BCL-02: the request", () => {
  test("BCL-02: needs no cookie, and may come from anywhere; other parameters are ignored", async () => {
    await withAlice();
    const answer = await send({
      headers: {
        origin: "https://op.example",
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "cors",
      },
      body: new URLSearchParams({
        ignored_parameter: "ignored",
        logout_token: tokenOf(),
        sid: "another",
      }),
    });
    await expectAccepted(answer);
  });

  test("BCL-02: a charset beside the content type does no harm", async () => {
    await withAlice();
    await expectAccepted(
      await send({
        headers: {
          "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        },
        body: `logout_token=${tokenOf()}`,
      }),
    );
  });

  // Shows: ERR_LOGOUT_TOKEN_INVALID
  test.each<[string, () => [RequestInit, string?]]>([
    ["without a body", () => [{}]],
    ["with an empty form", () => [{ headers: FORM, body: "" }]],
    [
      "with an empty logout_token",
      () => [{ headers: FORM, body: "logout_token=" }],
    ],
    [
      "with JSON",
      () => [
        {
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ logout_token: tokenOf() }),
        },
      ],
    ],
    [
      "with a form that says it is text",
      () => [
        {
          headers: { "content-type": "text/plain" },
          body: `logout_token=${tokenOf()}`,
        },
      ],
    ],
    [
      "with 20 KB",
      () => [
        {
          headers: FORM,
          body: `logout_token=${tokenOf()}&more=${"x".repeat(20_000)}`,
        },
      ],
    ],
    [
      "with two logout_token",
      () => [
        {
          headers: FORM,
          body: `logout_token=${tokenOf()}&logout_token=${tokenOf()}`,
        },
      ],
    ],
    [
      "with the same logout_token twice",
      () => {
        const field = `logout_token=${tokenOf()}`;
        return [{ headers: FORM, body: `${field}&${field}` }];
      },
    ],
    [
      "with the logout_token in the query only",
      () => [
        { headers: FORM, body: "more=1" },
        `?${new URLSearchParams({ logout_token: tokenOf() }).toString()}`,
      ],
    ],
    [
      "with a logout_token that is no JWT",
      () => [{ headers: FORM, body: "logout_token=a.b.c" }],
    ],
    [
      "with a form of an unknown charset",
      () => [
        {
          headers: {
            "content-type":
              "application/x-www-form-urlencoded; charset=unheard-of",
          },
          body: `logout_token=${tokenOf()}`,
        },
      ],
    ],
  ])("BCL-02: %s it is refused", async (_what, request) => {
    await withAlice();
    await expectRefused(await send(...request()));
  });

  test("BCL-02: a logout_token in the query beside the one in the form is ignored", async () => {
    await withAlice();
    const answer = await send(
      { headers: FORM, body: `logout_token=${tokenOf()}` },
      "?logout_token=a.b.c",
    );
    await expectAccepted(answer);
  });

  const parsers: [string, RequestHandler][] = [
    ["express.urlencoded", express.urlencoded()],
    ["express.urlencoded, extended", express.urlencoded({ extended: true })],
    ["express.json", express.json()],
    ["express.text", express.text({ type: "*/*" })],
    ["Express 4's express.json", leaveEmptyBody],
  ];
  test.each(parsers)(
    "BCL-02: it works behind %s of the application",
    async (_name, before) => {
      await withAlice({ before });
      await expectAccepted(await w.postToken(tokenOf()));
    },
  );

  test.each(parsers)(
    "BCL-02: two logout_token are refused behind %s of the application",
    async (_name, before) => {
      await withAlice({ before });
      const field = `logout_token=${tokenOf()}`;
      await expectRefused(
        await send({ headers: FORM, body: `${field}&${field}` }),
      );
    },
  );

  test("BCL-02: a logout_token that a body parser makes an object of is refused", async () => {
    await withAlice({ before: express.urlencoded({ extended: true }) });
    await expectRefused(
      await send({ headers: FORM, body: `logout_token[a]=${tokenOf()}` }),
    );
  });

  test("BCL-02: JSON is refused also where the application parses it", async () => {
    await withAlice({ before: express.json() });
    await expectRefused(
      await send({
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ logout_token: tokenOf() }),
      }),
    );
  });

  test.each(["GET", "PUT", "DELETE"])(
    "BCL-02: %s is answered 405, and ends nothing",
    async (method) => {
      await withAlice();
      const query = new URLSearchParams({ logout_token: tokenOf() });
      const answer = await send({ method }, `?${query.toString()}`);
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe("POST");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(await w.isSignedIn()).toBe(true);
    },
  );
});

describe("request.refused and the log name what came and what was expected", () => {
  test.each<[string, () => LogoutTokenOptions, string]>([
    [
      "no exp",
      () => ({ claims: { exp: undefined } }),
      "exp is missing; for a provider that sends none, set backchannelLogout: { requireExpiry: false }",
    ],
    [
      "another alg",
      () => ({ header: { alg: "ES256" } }),
      'its alg is "ES256", and idTokenSigningAlg is RS256',
    ],
    [
      "another typ",
      () => ({ header: { typ: "at+jwt" } }),
      'its typ is "at+jwt", not logout+jwt',
    ],
    [
      "another issuer",
      () => ({ claims: { iss: "https://other.example" } }),
      'iss is "https://other.example", and the option issuer is http://127.0.0.1:',
    ],
    [
      "another audience",
      () => ({ claims: { aud: ["another"] } }),
      `aud is ["another"], and this client is ${CLIENT_ID}`,
    ],
    [
      "a further audience",
      () => ({ claims: { aud: [CLIENT_ID, "another"] } }),
      "another; if the provider puts it there for you, name it in trustedAudiences",
    ],
    [
      "another azp",
      () => ({ claims: { azp: "another" } }),
      `azp is "another", and this client is ${CLIENT_ID}`,
    ],
    [
      "an iat ahead of our clock",
      () => ({ claims: { iat: fromNow(300) } }),
      "seconds in the future, and clockToleranceSeconds is 30; compare the clocks",
    ],
    [
      "an exp behind our clock",
      () => ({ claims: { exp: fromNow(-90) } }),
      "seconds ago, and clockToleranceSeconds is 30; compare the clocks",
    ],
    [
      "other events",
      () => ({ claims: { events: { "urn:other": {} } } }),
      'events is {"urn:other":{}}, without the member http://schemas.openid.net/event/backchannel-logout',
    ],
  ])("%s", async (_what, change, expected) => {
    await withAlice();
    const { events } = w.app.kit;
    const told: unknown[] = [];
    const lines: object[] = [];
    events.on("request.refused", (event) => told.push(event));
    logEvents(events, {
      info: () => undefined,
      warn: (line) => lines.push(line),
      error: () => undefined,
    });
    expect((await w.postToken(tokenOf(change()))).status).toBe(400);
    const refused = {
      code: "ERR_LOGOUT_TOKEN_INVALID",
      diagnosis: expect.stringContaining(expected),
    };
    expect(told).toEqual([expect.objectContaining(refused)]);
    expect(lines).toEqual([
      expect.objectContaining({ event: "request.refused", ...refused }),
    ]);
  });

  test("a type that backchannelLogout.requireType demands", async () => {
    await withAlice({ kit: { backchannelLogout: { requireType: true } } });
    const diagnoses = keepDiagnoses();
    const answer = await w.postToken(tokenOf({ header: { typ: "JWT" } }));
    await expectInvalidRequest(answer, /typ is not logout\+jwt/);
    expect(diagnoses).toEqual([
      expect.stringContaining("backchannelLogout.requireType demands it"),
    ]);
  });

  test("whatever a token says, in one line of printable characters", async () => {
    await withAlice();
    const diagnoses = keepDiagnoses();
    const iss = `https://other.example/\n\u001b[31m${"x".repeat(5000)}`;
    await w.postToken(tokenOf({ claims: { iss } }));
    expect(diagnoses).toEqual([
      expect.stringMatching(
        /^[\x20-\x7e]{1,200}https:\/\/other.example\/[\x20-\x7e]{1,500}$/,
      ),
    ]);
  });

  function keepDiagnoses(): string[] {
    const diagnoses: string[] = [];
    w.app.kit.events.on("request.refused", ({ diagnosis }) =>
      diagnoses.push(diagnosis),
    );
    return diagnoses;
  }
});

describe("BCL-13: a refusal", () => {
  test.each([
    ["anything", "*/*"],
    ["JSON", "application/json"],
    // What Java's HttpURLConnection sends by itself.
    [
      "HTML as well as anything",
      "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    ],
  ])(
    "BCL-13: is JSON for a provider that accepts %s",
    async (_what, accept) => {
      await withAlice();
      // Not fetch: Node's says in Sec-Fetch-Mode that it is no page load.
      const server = createTestBrowser({ sendsFetchMetadata: false });
      const answer = await server.request(`${w.app.url}/backchannel-logout`, {
        method: "POST",
        headers: { accept },
        body: new URLSearchParams({
          logout_token: tokenOf({ key: "foreign" }),
        }),
      });
      await expectRefused(answer);
    },
  );

  // Shows: ASVS 16.5.1
  test("BCL-13: does not repeat what the token says", async () => {
    await withAlice();
    const answer = await w.postToken(
      tokenOf({ claims: { aud: "<b>marked</b>", sub: "marked" } }),
    );
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain("marked");
  });
});

test("BCL-18: success is 200 with nothing in it, and an event", async () => {
  await withAlice();
  const received: unknown[] = [];
  w.app.kit.events.on("logout.received", (event) => received.push(event));
  await expectAccepted(await w.postToken(tokenOf()));
  expect(received).toEqual([{ channel: "back", ended: 1 }]);
});

describe("BCL-19: Cache-Control: no-store", () => {
  test("BCL-19: is on an answer that the provider's outage makes 503", async () => {
    await startWorld({
      misbehave: {
        intercept: (_req, res) => {
          res.status(503).end();
        },
      },
    });
    const answer = await w.postLogout({ sub: "alice" });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  });

  test("BCL-19: is on a refusal that the application answers itself", async () => {
    await withAlice({
      kit: {
        answerError: (_error, _req, res, _next) => {
          res.status(400).json({ error: "invalid_request" });
        },
      },
    });
    const answer = await w.postToken(tokenOf({ key: "foreign" }));
    expect(answer.status).toBe(400);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });
});
