/** Two kits in one application do not meet: neither takes a login or a session of the other. */
import { afterAll, afterEach, expect, jest, test } from "@jest/globals";
import express, { type Express } from "express";

import {
  createLoginKit,
  type Login,
  type LoginKit,
  type LoginKitOptions,
  loginOf,
} from "../../lib/index.js";
import {
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import { listening } from "../../lib/testing/listening.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import {
  CLIENT_ID,
  CLIENT_SECRET,
  closeRedis,
  SESSION_SECRET,
  sharedRedis,
} from "../support/world.js";

interface Kits {
  readonly customers: LoginKit;
  readonly staff: LoginKit;
}

interface TwoKits extends Kits {
  readonly url: string;
  /** Requests that reached the staff's resource server. */
  readonly forwarded: string[];
  /** Signs in at one of the kits; the browser keeps what it has of the other. */
  readonly signIn: (
    kit: keyof Kits,
    user: string,
    browser?: TestBrowser,
  ) => Promise<TestBrowser>;
  /** Status and content of a fetch. */
  readonly ask: (
    path: string,
    browser: TestBrowser,
  ) => Promise<readonly [status: number, content: unknown]>;
}

interface TwoKitsOptions {
  readonly staff?: Partial<LoginKitOptions>;
  /** Both have one provider, client, Redis, key prefix and secret. */
  readonly alike?: boolean;
}

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(closeRedis);

async function start(
  mount: (app: Express, kits: Kits) => void,
  { staff: staffOptions, alike = false }: TwoKitsOptions = {},
): Promise<TwoKits> {
  const server = await listening();
  const resource = await listening();
  const forwarded: string[] = [];
  resource.serve((req, res) => {
    forwarded.push(`${String(req.method)} ${String(req.url)}`);
    res.end("{}");
  });
  const customersProvider = await startProvider(server.url);
  const staffProvider = alike
    ? customersProvider
    : await startProvider(server.url);
  const redis = alike ? await sharedRedis() : undefined;
  const options = (provider: LyingProvider): LoginKitOptions => ({
    issuer: provider.issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    baseUrl: server.url,
    session: { secret: SESSION_SECRET },
    ...(redis && { redis, redisKeyPrefix: `${server.url}:` }),
  });
  const customers = createLoginKit(options(customersProvider));
  const staff = createLoginKit({
    ...options(staffProvider),
    session: { secret: SESSION_SECRET, cookieName: "staff-session" },
    paths: STAFF_PATHS,
    resourceServers: { orders: { url: resource.url } },
    ...staffOptions,
  });
  const app = express();
  app.set("env", "test");
  mount(app, { customers, staff });
  app.use(staff.errorHandler);
  server.serve(app);
  closing.push(
    () => {
      void customers.close();
      void staff.close();
    },
    server.close,
    resource.close,
    customersProvider.close,
    () => (alike ? undefined : staffProvider.close()),
  );

  return {
    customers,
    staff,
    url: server.url,
    forwarded,
    async signIn(kit, user, browser = createTestBrowser()) {
      const login = kit === "staff" ? "/staff/login" : "/login";
      await browser.navigate(
        `${server.url}${login}?login_hint=${user}&return_to=/`,
      );
      return browser;
    },
    async ask(path, browser) {
      const answer = await browser.fetchJson(server.url + path);
      return [answer.status, await answer.json()];
    },
  };
}

const STAFF_PATHS = {
  login: "/staff/login",
  callback: "/staff/callback",
  logout: "/staff/logout",
  loggedOut: "/staff/logged-out",
  session: "/staff/session",
  sessionEvents: "/staff/session/events",
  backchannelLogout: "/staff/backchannel-logout",
  frontchannelLogout: "/staff/frontchannel-logout",
  checkSession: "/staff/check-session",
  initiateLogin: "/staff/initiate-login",
};

function startProvider(url: string): Promise<LyingProvider> {
  return startLyingProvider({
    clients: [
      {
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        redirectUris: [`${url}/callback`, `${url}/staff/callback`],
        postLogoutRedirectUris: [],
      },
    ],
  });
}

function mountRoutes(app: Express, { customers, staff }: Kits): void {
  app.use(customers.routes, staff.routes);
  app.get("/", (_req, res) => {
    res.send("home");
  });
}

function subjectOf(login: Login | undefined): string | null {
  return login?.claims.sub ?? null;
}

test("a browser is signed in at both, each by its own cookie", async () => {
  const w = await start((app, kits) => {
    mountRoutes(app, kits);
    const { customers, staff } = kits;
    app.get("/me", customers.requireAuth(), (req, res) => {
      res.json(loginOf(req).claims.sub);
    });
    app.get("/desk", customers.identify, staff.requireAuth(), (req, res) => {
      res.json(loginOf(req).claims.sub);
    });
  });
  const browser = await w.signIn("customers", "alice");
  await w.signIn("staff", "sam", browser);
  expect(await w.ask("/me", browser)).toEqual([200, "alice"]);
  expect(await w.ask("/desk", browser)).toEqual([200, "sam"]);
});

test("identify clears what another kit's identify has set", async () => {
  const w = await start((app, kits) => {
    mountRoutes(app, kits);
    app.use(kits.customers.identify);
    app.get("/shop", (req, res) => {
      res.json(subjectOf(req.oidc));
    });
    app.get("/desk", kits.staff.identify, (req, res) => {
      res.json(subjectOf(req.oidc));
    });
  });
  const browser = await w.signIn("customers", "alice");
  expect(await w.ask("/shop", browser)).toEqual([200, "alice"]);
  expect(await w.ask("/desk", browser)).toEqual([200, null]);
});

test("a guard that refuses leaves no login of another kit on the request", async () => {
  const seen: unknown[] = [];
  const w = await start(
    (app, kits) => {
      mountRoutes(app, kits);
      app.use(kits.customers.identify);
      app.get("/desk", kits.staff.requireAuth(), (_req, res) => {
        res.json("let in");
      });
    },
    {
      staff: {
        answerError: (error: { status: number }, req, res, _next) => {
          seen.push(subjectOf(req.oidc));
          res.status(error.status).json("refused");
        },
      },
    },
  );
  const browser = await w.signIn("customers", "alice");
  expect(await w.ask("/desk", browser)).toEqual([401, "refused"]);
  expect(seen).toEqual([null]);
});

test.each<[string, (kits: Kits) => express.RequestHandler]>([
  ["another kit's login", ({ customers }) => customers.requireAuth()],
  [
    "a copy of a login of its own",
    ({ staff }) =>
      (req, res, next) => {
        staff.identify(req, res, () => {
          req.oidc = { ...loginOf(req) };
          next();
        });
      },
  ],
  [
    "an object that gives a token",
    () => (req, _res, next) => {
      req.oidc = {
        id: "x",
        accessToken: () => Promise.resolve("a token"),
      } as unknown as Login;
      next();
    },
  ],
  [
    "what inherits from a login",
    ({ staff }) =>
      (req, res, next) => {
        staff.identify(req, res, () => {
          req.oidc = Object.create(loginOf(req)) as Login;
          next();
        });
      },
  ],
])("forward forwards nothing for %s", async (_what, guard) => {
  const w = await start((app, kits) => {
    mountRoutes(app, kits);
    app.use("/api", guard(kits), kits.staff.forward("orders"));
  });
  const browser = await w.signIn("customers", "alice");
  await w.signIn("staff", "sam", browser);
  const [status, problem] = await w.ask("/api/1", browser);
  expect(status).toBe(401);
  expect(problem).toMatchObject({
    code: "ERR_LOGIN_REQUIRED",
    login_url: "/staff/login",
  });
  expect(w.forwarded).toEqual([]);
});

test("sessions.endOthers takes no login of another kit, and ends none", async () => {
  const failures: unknown[] = [];
  const w = await start(
    (app, kits) => {
      mountRoutes(app, kits);
      const { customers, staff } = kits;
      app.get("/me", customers.requireAuth(), (req, res) => {
        res.json(subjectOf(req.oidc));
      });
      app.post("/end", customers.requireAuth(), async (req, res) => {
        await staff.sessions
          .endOthers(loginOf(req))
          .catch((error: unknown) => failures.push(error));
        res.json({});
      });
    },
    { alike: true },
  );
  const browser = await w.signIn("customers", "alice");
  const other = await w.signIn("customers", "alice");
  await browser.fetchJson(`${w.url}/end`, { method: "POST" });
  expect(failures).toEqual([
    expect.objectContaining({
      code: "ERR_CONFIG",
      message: expect.stringContaining("kit.sessions.endOthers"),
    }),
  ]);
  expect(await w.ask("/me", other)).toEqual([200, "alice"]);
});

test("a guard behind another kit's session does not take that session for its own", async () => {
  const w = await start(
    (app, kits) => {
      mountRoutes(app, kits);
      const { customers, staff } = kits;
      app.use(customers.session);
      app.get("/me", customers.requireAuth(), (req, res) => {
        res.json(subjectOf(req.oidc));
      });
      app.get("/desk", staff.requireAuth(), (req, res) => {
        res.json(subjectOf(req.oidc));
      });
    },
    { alike: true },
  );
  const browser = await w.signIn("customers", "alice");
  expect(await w.ask("/me", browser)).toEqual([200, "alice"]);
  expect(await w.ask("/desk", browser)).toMatchObject([401, {}]);
  await w.signIn("staff", "sam", browser);
  expect(await w.ask("/desk", browser)).toEqual([200, "sam"]);
  expect(await w.ask("/me", browser)).toEqual([200, "alice"]);
});

test("a session middleware that finds another kit's session says so, and uses it for nothing", async () => {
  const failures: Error[] = [];
  const w = await start(
    (app, kits) => {
      const { customers, staff } = kits;
      app.use(customers.routes, customers.session);
      app.get("/note", (req, res) => {
        Object.assign(req.session, { note: "alice's" });
        res.json({});
      });
      app.get("/read", (req, res) => {
        res.json((req.session as { note?: string }).note ?? null);
      });
      app.get("/desk", staff.session, (req, res) => {
        res.json(req.session);
      });
      app.use(staff.routes);
      staff.events.on("error", (error) => failures.push(error));
    },
    { alike: true },
  );
  const browser = await w.signIn("customers", "alice");
  await w.ask("/note", browser);
  expect(await w.ask("/desk", browser)).toMatchObject([
    500,
    { code: "ERR_CONFIG" },
  ]);
  const { response } = await w
    .signIn("staff", "sam", browser)
    .then(() => browser.navigate(`${w.url}/staff/callback?state=a&code=b`));
  expect(response.status).toBe(500);
  expect(failures.map(({ message }) => message)).toEqual(
    Array(3).fill(expect.stringContaining("another kit's session")),
  );
  expect(await w.ask("/read", browser)).toEqual([200, "alice's"]);
});

test("two kits of one process with the same paths are told of at the start", async () => {
  const warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  try {
    await start(mountRoutes, { staff: { paths: {} } });
    const text = "another kit of this process has the path /login";
    const told = warn.mock.calls.filter((call) => String(call).includes(text));
    expect(told).toHaveLength(1);
    expect(String(told[0])).toContain("option paths");
  } finally {
    warn.mockRestore();
  }
});

test("two kits of one process with the same cookie are told of at the start", async () => {
  const warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  try {
    await start(mountRoutes, {
      staff: { session: { secret: SESSION_SECRET } },
    });
    const text = "another kit of this process";
    const told = warn.mock.calls.filter((call) => String(call).includes(text));
    expect(told).toHaveLength(1);
    expect(String(told[0])).toContain("session.cookieName");
    warn.mockClear();
    await start(mountRoutes);
    expect(String(warn.mock.calls)).not.toContain(text);
  } finally {
    warn.mockRestore();
  }
});
