/** The application decides about logins, and keeps data with them: the option `onLogin`. */
import { randomUUID } from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import {
  type KeptLoginData,
  type LoginKitEvents,
  type LoginKitOptions,
  loginOf,
  type OnLogin,
} from "../../lib/index.js";
import type { Misbehaviour } from "../support/lying-provider.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";
import { closeRedis, isCallback, sharedRedis } from "../support/world.js";

type Failure = LoginKitEvents["login.failed"][0];

let w: LyingWorld;
let prefix: string;
let browser: TestBrowser;
let failures: Failure[];
let errors: Error[];
afterEach(() => w.close());
afterAll(closeRedis);

/** An application whose function is typed loosely, as one in JavaScript is. */
async function start(
  onLogin: (...given: Parameters<OnLogin>) => unknown,
  kit: Partial<LoginKitOptions> = {},
  misbehave: Misbehaviour = {},
): Promise<void> {
  prefix = `${randomUUID()}:`;
  w = await lyingWorld({
    redis: await sharedRedis(),
    kit: {
      redisKeyPrefix: prefix,
      scope: "openid profile offline_access",
      onLogin: onLogin as OnLogin,
      ...kit,
    },
    routes(app, kit) {
      app.get("/data", kit.requireAuth(), (req, res) => {
        const { data } = loginOf(req);
        res.json(data);
        // What one request does with it is no business of the next.
        Object.assign(data, { userId: "eve" });
      });
    },
  });
  w.provider.misbehave = misbehave;
  browser = createTestBrowser();
  [failures, errors] = [[], []];
  w.kit.events.on("login.failed", (failure) => failures.push(failure));
  w.kit.events.on("error", (error) => errors.push(error));
}

/** Where a sign-in of this user ends. */
function signIn(user = "alice"): Promise<Page> {
  return browser.navigate(`${w.url}/login?login_hint=${user}&return_to=/data`);
}

async function dataSeen(): Promise<KeptLoginData> {
  const answer = await browser.fetchJson(`${w.url}/data`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as KeptLoginData;
}

interface OwnRedis {
  readonly keys: (pattern: string) => Promise<string[]>;
  readonly hGetAll: (key: string) => Promise<Record<string, string>>;
}

const redis = async (): Promise<OwnRedis> =>
  (await sharedRedis()) as unknown as OwnRedis;

/** What Redis keeps, but for the sign-in in progress and what came of it. */
async function storedKeys(): Promise<string[]> {
  const keys = await (await redis()).keys(`${prefix}*`);
  return keys.filter((key) => !/:(?:transaction|outcome):/.test(key));
}

/** Nobody is signed in, nothing is kept, and the provider has its tokens back. */
async function expectNothing(page: Page): Promise<void> {
  expect(page.response.headers.getSetCookie().join()).not.toContain("session=");
  expect((await browser.fetchJson(`${w.url}/data`)).status).toBe(401);
  expect(await storedKeys()).toEqual([]);
  await until("the tokens are revoked", () => w.provider.revoked.length > 0);
}

describe("a login that the application refuses", () => {
  const REFUSAL = 'Your account is <b>blocked</b> & "closed".';
  const refuse = () => ({ refuse: REFUSAL });

  // Shows: ERR_LOGIN_REFUSED
  test("is a page with the application's own text, escaped, and nothing is stored", async () => {
    await start(refuse);
    const page = await signIn();
    expect(page.response.status).toBe(403);
    expect(page.body).toContain("ERR_LOGIN_REFUSED");
    expect(page.body).toContain(
      "<p>Your account is &lt;b&gt;blocked&lt;/b&gt; &amp; &quot;closed&quot;.</p>",
    );
    expect(page.body).not.toContain("ask whoever runs this application");
    await expectNothing(page);
    expect(failures).toMatchObject([{ code: "ERR_LOGIN_REFUSED" }]);
    expect(failures[0]?.diagnosis).toContain("Your account is");
    expect(errors).toEqual([]);
  });

  test("leads on to a sign-in as somebody else: the provider is told to ask", async () => {
    await start(refuse);
    expect((await signIn()).body).toContain(
      '<a class="action" href="/login?return_to=%2Fdata&amp;prompt=login">Sign in as somebody else</a>',
    );
  });

  test("leads to the plain login address where that may not say prompt", async () => {
    await start(refuse, { loginParameters: ["login_hint"] });
    expect((await signIn()).body).toContain('href="/login?return_to=%2Fdata"');
  });

  test("is told to a second request of the same browser in the same words", async () => {
    let calls = 0;
    await start(() => {
      calls += 1;
      return { refuse: REFUSAL };
    });
    const at = await browser.navigate(`${w.url}/login?login_hint=alice`, {
      stopBefore: isCallback,
    });
    const address = at.response.headers.get("location") ?? "";
    const other = browser.clone();
    const first = await browser.navigate(address);
    const second = await other.navigate(address);
    expect(second.response.status).toBe(403);
    expect(second.body).toBe(first.body);
    expect([calls, failures.length]).toEqual([1, 1]);
  });

  test("is problem+json to whoever wants no page, with the text as the remedy", async () => {
    await start(refuse);
    const at = await browser.navigate(`${w.url}/login`, {
      stopBefore: isCallback,
    });
    const address = at.response.headers.get("location") ?? "";
    const answer = await browser.fetchJson(address);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      code: "ERR_LOGIN_REFUSED",
      remedy: REFUSAL,
    });
  });

  test("is handed to the application's answerError with the text", async () => {
    await start(refuse, {
      answerError: (error: { userText?: string }, _req, res, _next) => {
        res.status(403).send(`sorry: ${String(error.userText)}`);
      },
    });
    expect((await signIn()).body).toBe(`sorry: ${REFUSAL}`);
  });

  test("goes round no more than three times where the application sends it back", async () => {
    await start(refuse, {
      answerError: ({ code }: { code?: string }, _req, res, _next) => {
        if (code === "ERR_LOGIN_REFUSED") res.redirect(303, "/login");
        else res.status(429).send(code);
      },
    });
    expect((await signIn()).body).toBe("ERR_LOGIN_LOOP");
  });

  test("leaves the browser signed in as it was", async () => {
    await start(({ claims }) =>
      claims.sub === "bob" ? { refuse: "not you" } : { data: { userId: "1" } },
    );
    await signIn("alice");
    const id = await w.loginId(browser);
    const page = await signIn("bob");
    expect(page.response.status).toBe(403);
    expect(await w.loginId(browser)).toBe(id);
    expect(await dataSeen()).toEqual({ userId: "1" });
    expect(w.ended).toEqual([]);
  });
});

const never = (): Promise<never> => new Promise(() => undefined);
const MUCH = "x".repeat(4096);

describe("a function that decides nothing signs nobody in", () => {
  // Shows: ERR_LOGIN_HOOK_FAILED
  test.each<[string, () => unknown, string]>([
    [
      "gives what fails when it is read",
      () => ({
        get data() {
          throw new Error("hidden");
        },
      }),
      "gave or threw what cannot be read",
    ],
    [
      "throws an Error whose message is none",
      () => {
        throw Object.assign(new Error(), { message: 17 });
      },
      "gave or threw what cannot be read",
    ],
    [
      "throws",
      () => {
        throw new Error("the database is away");
      },
      "the database is away",
    ],
    ["rejects", () => Promise.reject(new TypeError("no column")), "no column"],
    [
      "throws what is no error",
      () => {
        throw Object.create(null);
      },
      "no Error",
    ],
    ["hangs", never, "hookTimeoutSeconds"],
    ["gives a text", () => "welcome", "no decision"],
    ["gives true", () => true, "no decision"],
    ["gives null", () => null, "no decision"],
    ["gives a list", () => [{ refuse: "no" }], "no decision"],
    ["gives an empty object", () => ({}), "no decision"],
    ["gives a misspelt member", () => ({ refused: "no" }), "no decision"],
    ["gives both members", () => ({ refuse: "no", data: {} }), "no decision"],
    ["refuses without a text", () => ({ refuse: true }), "without a text"],
    ["refuses with an empty text", () => ({ refuse: "" }), "without a text"],
    [
      "refuses at great length",
      () => ({ refuse: "a".repeat(1001) }),
      "without a text",
    ],
    ["gives undefined data", () => ({ data: undefined }), "no plain object"],
    ["gives a list as data", () => ({ data: [1] }), "no plain object"],
    [
      "gives a date",
      () => ({ data: { at: new Date(0) } }),
      "data.at is of the class Date",
    ],
    ["gives too much", () => ({ data: { text: MUCH } }), "4107 bytes"],
    [
      "gives too much in few letters",
      () => ({ data: { a: "é".repeat(2100) } }),
      "4208 bytes",
    ],
    [
      "gives what cannot be read",
      () => ({
        data: {
          get a() {
            throw new Error("no");
          },
        },
      }),
      "cannot be read",
    ],
  ])("it %s: 500, and nothing is stored", async (_what, onLogin, told) => {
    await start(onLogin, { hookTimeoutSeconds: 0.5 });
    const page = await signIn();
    expect(page.response.status).toBe(500);
    expect(page.body).toContain("ERR_LOGIN_HOOK_FAILED");
    await expectNothing(page);
    expect(failures).toMatchObject([{ code: "ERR_LOGIN_HOOK_FAILED" }]);
    expect(failures[0]?.diagnosis).toContain(told);
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringContaining(told),
    ]);
  });

  test("what it threw is the cause of the error that is told", async () => {
    const thrown = new Error("the database is away");
    await start(() => Promise.reject(thrown));
    await signIn();
    expect(errors[0]?.cause).toBe(thrown);
  });

  test("what it says of the request is told without code, state and cookies", async () => {
    let secrets: string[] = [];
    await start((_login, req) => {
      const { code, state } = req.query as Record<string, string>;
      secrets = [String(code), String(state), String(req.headers.cookie)];
      throw new Error(secrets.join(" "));
    });
    const page = await signIn();
    const told = [page.body, failures[0]?.diagnosis, errors[0]?.message].join();
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(20);
      expect(told).not.toContain(secret.slice(-20));
    }
    expect(told).toContain("[cut]");
  });

  test("what it does after its time is over counts no more", async () => {
    let finish: (decision: unknown) => void = () => undefined;
    await start(() => new Promise((resolve) => (finish = resolve)), {
      hookTimeoutSeconds: 0.2,
    });
    const page = await signIn();
    finish({ data: { userId: "1" } });
    await expectNothing(page);
  });

  test("a second request waits for the outcome, however long the function may take", async () => {
    await start(never, {
      // Longer than all other limits of a sign-in together.
      hookTimeoutSeconds: 5,
      providerTimeoutSeconds: 1,
      storeTimeoutSeconds: 1,
    });
    const at = await browser.navigate(`${w.url}/login?login_hint=alice`, {
      stopBefore: isCallback,
    });
    const address = at.response.headers.get("location") ?? "";
    const pages = await Promise.all([
      browser.navigate(address),
      browser.clone().navigate(address),
    ]);
    expect(pages.map(({ response }) => response.status)).toEqual([500, 500]);
    expect(failures).toHaveLength(1);
  });
});

describe("a login that the application lets in", () => {
  test("has the data of the application at each request, sealed in Redis", async () => {
    await start(() => ({ data: { userId: "user-4711", tags: ["a", null] } }));
    expect((await signIn()).response.status).toBe(200);
    const data = { userId: "user-4711", tags: ["a", null] };
    expect(await dataSeen()).toEqual(data);
    expect(await dataSeen()).toEqual(data);
    const client = await redis();
    const logins = (await storedKeys()).filter((key) => key.endsWith(":login"));
    expect(logins).toHaveLength(1);
    const record = await client.hGetAll(logins[0] ?? "");
    expect(JSON.stringify(record)).not.toContain("4711");
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["empty data", { data: {} }],
  ])("has none where it gives %s", async (_what, decision) => {
    await start(() => Promise.resolve(decision));
    await signIn();
    expect(await dataSeen()).toEqual({});
  });

  test("may have up to 4 KB", async () => {
    await start(() => ({ data: { userId: "x".repeat(4096 - 13) } }));
    expect((await signIn()).response.status).toBe(200);
  });

  test("is signed in with data of its own each time", async () => {
    let count = 0;
    await start(() => ({ data: { userId: String(++count) } }));
    await signIn();
    await signIn();
    expect(await dataSeen()).toEqual({ userId: "2" });
  });

  test("is told of who it is, and alters nothing by what it does to that", async () => {
    let seen: unknown;
    await start(
      (login) => {
        seen = structuredClone(login);
        Object.assign(login.claims, { sub: "mallory" });
      },
      {},
      {
        idToken: { claims: { acr: "gold", auth_time: 1000 } },
        userinfo: (right) => ({ ...right, roles: ["admin"] }),
      },
    );
    await signIn();
    expect(seen).toMatchObject({
      provider: "default",
      claims: { iss: w.provider.issuer, sub: "alice", roles: ["admin"] },
      authenticatedAt: new Date(1_000_000),
      acr: "gold",
    });
    expect((await w.kit.sessions.list("alice")).length).toBe(1);
  });

  test("is told what the provider posted about the user: Apple's name", async () => {
    const user = { name: { firstName: "Alice" } };
    let seen: unknown;
    await start(
      ({ unverifiedUser }) => {
        seen = unverifiedUser;
      },
      { responseMode: "form_post" },
      {
        authorizationResponse: (right) => ({
          ...right,
          user: JSON.stringify(user),
        }),
      },
    );
    await w.signIn("alice", browser);
    expect(seen).toEqual(user);
  });
});
