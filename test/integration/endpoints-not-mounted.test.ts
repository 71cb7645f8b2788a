/** Where the kit's endpoints are not mounted, the first browser that is sent there makes it known. */
import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import express, { type Express } from "express";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitOptions,
} from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import { startLyingProvider } from "../support/lying-provider.js";
import { clientAt, lyingKitOptions } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { closeRedis, sharedRedis } from "../support/world.js";

let warn: jest.SpiedFunction<typeof console.warn>;
beforeEach(() => {
  warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterAll(closeRedis);
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  warn.mockRestore();
  await Promise.all(ends.splice(0).map((end) => end()));
});

/** The application's URL. */
async function start(
  mount: (app: Express, kit: LoginKit) => void,
  optionsOf: (usual: ReturnType<typeof lyingKitOptions>) => LoginKitOptions = (
    usual,
  ) => usual,
): Promise<string> {
  const server = await listening();
  const provider = await startLyingProvider({
    clients: [clientAt([server.url])],
  });
  const kit = createLoginKit(optionsOf(lyingKitOptions(provider, server.url)));
  const app = express();
  // Errors that the kit does not answer would be printed otherwise.
  app.set("env", "test");
  mount(app, kit);
  server.serve(app);
  ends.push(server.close, provider.close, () => kit.close());
  return server.url;
}

const guarded = (app: Express, kit: LoginKit): void => {
  app.get("/me", kit.requireAuth(), (_req, res) => {
    res.send("me");
  });
};

const warnings = (): string[] =>
  warn.mock.calls.map(String).filter((text) => text.includes("was answered"));

test("the first sign-in of a process names issuer, client and the redirect URI to register, once", async () => {
  const url = await start((app, kit) => {
    app.use(kit.routes);
    guarded(app, kit);
  });
  await open(url);
  await open(url);
  const told = warn.mock.calls
    .map(String)
    .filter((text) => text.includes("register this redirect URI"));
  expect(told).toEqual([
    expect.stringMatching(`as shop \\(clientId\\).*: ${url}/callback `),
  ]);
});

const open = (url: string) =>
  createTestBrowser().navigate(`${url}/me?login_hint=alice`);

describe("the console names the address and the remedy, once", () => {
  test.each<[string, (app: Express, kit: LoginKit) => void]>([
    ["kit.routes is forgotten", guarded],
    [
      "kit.routes is below a path",
      (app, kit) => {
        app.use("/auth", kit.routes);
        guarded(app, kit);
      },
    ],
  ])("when %s", async (_what, mount) => {
    const url = await start(mount);
    for (let round = 0; round < 2; round++) {
      const page = await open(url);
      expect(page.response.status).toBe(404);
    }
    expect(warnings()).toEqual([
      expect.stringMatching(
        /^express-login-kit: \/login was answered by 404.*app\.use\(kit\.routes\)/,
      ),
    ]);
  });

  test("when the redirect URI alone is forgotten", async () => {
    const url = await start((app, kit) => {
      app.get("/login", kit.login);
      guarded(app, kit);
    });
    const page = await open(url);
    expect(page.response.status).toBe(404);
    expect(warnings()).toEqual([
      expect.stringContaining("/callback was answered by 404"),
    ]);
  });

  test("when the fallback of a single-page app stands before kit.routes", async () => {
    const url = await start((app, kit) => {
      guarded(app, kit);
      app.use((_req, res) => {
        res.send("<div id=root></div>");
      });
      app.use(kit.routes);
    });
    for (let round = 0; round < 2; round++) {
      const page = await open(url);
      expect(page.response.status).toBe(200);
    }
    expect(warnings()).toEqual([
      expect.stringMatching(
        /^express-login-kit: \/login was answered by 200, but not by the kit.*app\.use\(kit\.routes\) before it/,
      ),
    ]);
  });

  test("when such a fallback takes the redirect URI alone", async () => {
    const url = await start((app, kit) => {
      app.get("/login", kit.login);
      guarded(app, kit);
      app.use((_req, res) => {
        res.send("<div id=root></div>");
      });
    });
    await open(url);
    expect(warnings()).toEqual([
      expect.stringContaining("/callback was answered by 200"),
    ]);
  });

  test("when a fetch learns of the address and a page goes there", async () => {
    const url = await start(guarded);
    const browser = createTestBrowser();
    const answer = await browser.fetchJson(`${url}/me`);
    const { login_url: login } = (await answer.json()) as { login_url: string };
    await browser.navigate(url + login);
    expect(warnings()).toHaveLength(1);
  });
});

describe("nothing is said", () => {
  test.each<[string, (app: Express, kit: LoginKit) => void]>([
    [
      "where kit.routes comes first",
      (app, kit) => {
        app.use(kit.routes);
        guarded(app, kit);
      },
    ],
    [
      "where kit.routes comes last",
      (app, kit) => {
        guarded(app, kit);
        app.use(kit.routes);
      },
    ],
    [
      "where the handlers are mounted one by one, in functions of the application",
      (app, kit) => {
        guarded(app, kit);
        app.get("/login", (req, res, next) => kit.login(req, res, next));
        app.get("/callback", (req, res, next) => kit.callback(req, res, next));
      },
    ],
  ])("%s", async (_what, mount) => {
    const url = await start(mount);
    await open(url);
    const page = await createTestBrowser().navigate(
      `${url}/login?login_hint=alice&return_to=/me`,
    );
    expect(page.body).toBe("me");
    expect(warnings()).toEqual([]);
  });

  test("of a page by which the kit itself asks where to sign in", async () => {
    const url = await start(
      (app, kit) => {
        app.use(kit.routes);
        guarded(app, kit);
      },
      ({ issuer, clientId, clientSecret, ...others }) => ({
        ...others,
        providers: {
          staff: { issuer, clientId, clientSecret },
          customers: { issuer, clientId: "other", clientSecret },
        },
      }),
    );
    const page = await createTestBrowser().navigate(`${url}/me`);
    expect(page.response.status).toBe(200);
    expect(page.body).toContain("/login?");
    expect(warnings()).toEqual([]);
  });

  test("in production of a page that the application has there", async () => {
    const redis = await sharedRedis();
    const environment = process.env["NODE_ENV"];
    process.env["NODE_ENV"] = "production";
    let url: string;
    try {
      url = await start(
        (app, kit) => {
          app.get("/login", (_req, res) => {
            res.send("Welcome");
          });
          guarded(app, kit);
        },
        (usual) => ({ ...usual, redis }),
      );
    } finally {
      process.env["NODE_ENV"] = environment;
    }
    const page = await createTestBrowser().navigate(`${url}/me`);
    expect(page.body).toBe("Welcome");
    expect(warnings()).toEqual([]);
  });

  test("of a 404 on a path that only begins like it", async () => {
    const url = await start((app, kit) => {
      app.use(kit.routes);
      guarded(app, kit);
    });
    await createTestBrowser().fetchJson(`${url}/me`);
    expect((await fetch(`${url}/login/other`)).status).toBe(404);
    expect(warnings()).toEqual([]);
  });
});
