/**
 * Pages of other origins try to sign a user out, in a real browser; then the user
 * does it.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import {
  listening,
  type ListeningServer,
} from "../../lib/testing/listening.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { until } from "../support/until.js";

/** A request for the logout address, as it came to the application. */
interface LogoutRequest {
  readonly method: string;
  readonly site: string | undefined;
  readonly hasCookie: boolean;
}

/** What a page of the attacker does; `%s` is the logout address, `%n` the test's number. */
interface Attack {
  readonly html: string;
  /** Requests that come of it. */
  readonly methods: readonly string[];
  /** What its visitor clicks. */
  readonly click?: string;
  /** Whether it comes from an origin that belongs to no site. Default false. */
  readonly isOpaque?: boolean;
  /** Whether the page calls itself "over" when nothing more comes. Default: what comes is one request. */
  readonly saysOver?: boolean;
}

const attacks: Record<string, Attack> = {
  "a form that submits itself by POST": {
    html: `<form method="post" action="%s"></form><script>document.forms[0].submit()</script>`,
    methods: ["POST"],
  },
  "a form that submits itself by POST from within a frame": {
    html: `<iframe srcdoc='<form method="post" action="%s"></form><script>document.forms[0].submit()</script>'></iframe>`,
    methods: ["POST"],
  },
  "a form that submits itself by POST from a sandboxed frame": {
    html: `<iframe sandbox="allow-scripts allow-forms" srcdoc='<form method="post" action="%s"></form><script>document.forms[0].submit()</script>'></iframe>`,
    methods: ["POST"],
    isOpaque: true,
  },
  "a form that submits itself by GET": {
    html: `<form action="%s"><input name="test" value="%n"></form><script>document.forms[0].submit()</script>`,
    methods: ["GET"],
  },
  "an image": { html: `<img src="%s">`, methods: ["GET"] },
  "a prefetch": { html: `<link rel="prefetch" href="%s">`, methods: ["GET"] },
  "a frame": { html: `<iframe src="%s"></iframe>`, methods: ["GET"] },
  "a link that is clicked": {
    html: `<a href="%s">A picture of a kitten</a>`,
    methods: ["GET"],
    click: "a",
  },
  "a link with ping that is clicked": {
    html: `<a href="/kitten" ping="%s">A picture of a kitten</a>`,
    methods: ["POST"],
    click: "a",
  },
  "a fetch by POST with credentials": {
    html: `<script>fetch("%s", { method: "POST", mode: "no-cors", credentials: "include" })</script>`,
    methods: ["POST"],
  },
  "a fetch by POST with credentials and the header that other sites may not send":
    {
      html: `<script>fetch("%s", { method: "POST", credentials: "include", headers: { "x-csrf-protection": "1" } }).catch(() => { document.title = "over"; })</script>`,
      // The request itself is never sent.
      methods: ["OPTIONS"],
      saysOver: true,
    },
  "a beacon": {
    html: `<script>navigator.sendBeacon("%s")</script>`,
    methods: ["POST"],
  },
};

/** Where screenshots are kept; without it none are taken. */
const screenshots = process.env["TEST_SCREENSHOTS"];

let chromium: Browser;
let w: LyingWorld;
let attacker: ListeningServer;
let logoutRequests: LogoutRequest[];
let context: BrowserContext;
let page: Page;
let attack: string;
let testNumber = 0;

beforeAll(async () => {
  chromium = await launchChromium();
  w = await lyingWorld();
  w.server.prependListener("request", (req, res) => {
    // Of this test: what the page before asks for again may arrive only now.
    if (req.url !== logoutPath()) return;
    res.on("close", () => {
      logoutRequests.push({
        method: req.method ?? "",
        site: req.headers["sec-fetch-site"],
        hasCookie: /\bsession=/.test(req.headers.cookie ?? ""),
      });
    });
  });
  attacker = await listening();
  attacker.serve((_req, res) => {
    res.setHeader("Content-Type", "text/html");
    res.end(`<!doctype html><title>Kittens</title>${attack}`);
  });
  if (screenshots !== undefined) await mkdir(screenshots, { recursive: true });
});

afterAll(async () => {
  await chromium.close();
  await attacker.close();
  await w.close();
});

beforeEach(() => {
  logoutRequests = [];
  testNumber += 1;
});

afterEach(() => {
  w.provider.misbehave = {};
});

async function signInInNewContext(): Promise<void> {
  context = await chromium.newContext();
  page = await newPage();
  await page.goto(`${w.url}/login`);
  expect(await isSignedIn()).toBe(true);
}

async function newPage(): Promise<Page> {
  const made = await context.newPage();
  made.setDefaultTimeout(30_000);
  return made;
}

describe.each([
  [
    "another site",
    "cross-site",
    () => attacker.url.replace("127.0.0.1", "localhost"),
  ],
  ["another origin of this site", "same-site", () => attacker.url],
])("a page of %s", (_whose, site, origin) => {
  beforeAll(signInInNewContext);
  afterAll(() => context.close());

  // Another page of the same login: nothing may have happened to that.
  beforeEach(async () => {
    page = await newPage();
    expect(await isSignedIn()).toBe(true);
  });
  afterEach(() => page.close());

  // Shows: RPIL-10, BFF-15
  test.each(Object.entries(attacks))(
    "ASVS 3.5.1: %s signs nobody out",
    async (_name, { html, methods, click, isOpaque = false, saysOver }) => {
      attack = html
        .replaceAll("%s", w.url + logoutPath())
        .replaceAll("%n", String(testNumber));
      await page.goto(origin());
      if (click !== undefined) await page.click(click);
      await until(
        "the request was answered",
        () => logoutRequests.length >= methods.length,
      );
      if (saysOver === true) {
        await until("it is over", async () => (await page.title()) === "over");
      }
      // What is not to be stored, Chromium may ask for twice.
      const kinds = logoutRequests.map((one) => `${one.method} ${one.site}`);
      expect(new Set(kinds)).toEqual(
        new Set(
          methods.map(
            (method) => `${method} ${isOpaque ? "cross-site" : site}`,
          ),
        ),
      );
      expect(await isSignedIn()).toBe(true);
    },
  );

  test("a link to the logout address leads to a page that asks, and nothing has happened yet", async () => {
    attack = `<a href="${w.url}${logoutPath()}">A picture of a kitten</a>`;
    await page.goto(origin());
    await page.click("a");
    await page.getByRole("heading", { name: "Sign out?" }).waitFor();
    expect(logoutRequests).toEqual([{ method: "GET", site, hasCookie: true }]);
    expect(await isSignedIn()).toBe(true);
  });

  test("the page that asks does not show in a frame, where its button could be clicked unseen", async () => {
    attack = `<iframe src="${w.url}${logoutPath()}"></iframe>`;
    await page.goto(origin());
    await until("the frame was asked for", () => logoutRequests.length > 0);
    // A frame of another site sends no cookie, and there is nobody to be asked.
    const shown =
      site === "same-site" ? "chrome-error://chromewebdata/" : `${w.url}/`;
    await until(`the frame shows ${shown}`, () => {
      return page.frames()[1]?.url() === shown;
    });
  });
});

test("the cookie does go along with requests of the same site, so that it is the application that refuses them", async () => {
  await signInInNewContext();
  attack = `<form method="post" action="${w.url}${logoutPath()}"></form><script>document.forms[0].submit()</script>`;
  await page.goto(attacker.url);
  await page.getByText("ERR_CROSS_SITE_REQUEST").waitFor();
  expect(logoutRequests).toEqual([
    { method: "POST", site: "same-site", hasCookie: true },
  ]);
  await context.close();
});

describe("the user signs out", () => {
  let complaints: string[];

  beforeEach(async () => {
    await signInInNewContext();
    complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        complaints.push(message.text());
      }
    });
  });
  afterEach(() => context.close());

  test("by the button of the page that asks, here and at the provider", async () => {
    const sessions = w.provider.sessions.size;
    await page.goto(`${w.url}/logout`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${w.url}/`);
    expect(await isSignedIn()).toBe(false);
    expect(w.provider.sessions.size).toBe(sessions - 1);
    expect(complaints).toEqual([]);
  });

  test("but stays signed in by its other link", async () => {
    await page.goto(`${w.url}/logout`);
    await page.getByRole("link", { name: "Stay signed in" }).click();
    await page.waitForURL(`${w.url}/`);
    expect(await isSignedIn()).toBe(true);
  });

  test("by a form that submits itself where the ID Token is too long for an address", async () => {
    await signInWithLongIdToken();
    await page.goto(`${w.url}/logout`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${w.url}/`);
    expect(await isSignedIn()).toBe(false);
    expect(w.provider.endSessionRequests.at(-1)?.method).toBe("POST");
    expect(complaints).toEqual([]);
  });

  test("the page that asks keeps to its policy and fits 360 and 1280 pixels, light and dark", async () => {
    await page.goto(`${w.url}/logout`);
    await expectGoodLooks("sign-out");
    expect(complaints).toEqual([]);
  });

  test("the form that submits itself keeps to its policy and fits 360 and 1280 pixels, light and dark", async () => {
    await signInWithLongIdToken();
    // It stays to be seen where the provider sends no page.
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path === "/end-session") res.status(204).end();
        else next();
      },
    };
    const submitted = page.waitForResponse(/\/end-session$/);
    await page.goto(`${w.url}/logout`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await submitted;
    await page.getByRole("heading", { name: "Signing out" }).waitFor();
    await expectGoodLooks("signing-out");
    w.provider.misbehave = {};
    await page.getByRole("button", { name: "Continue" }).click();
    await page.waitForURL(`${w.url}/`);
    expect(complaints).toEqual([]);
  });

  test("a style that is not the kit's would be complained of", async () => {
    await page.goto(`${w.url}/logout`);
    await page.evaluate(
      `document.head.append(Object.assign(document.createElement("style"), { textContent: "p{color:red}" }))`,
    );
    await until("it is complained of", () => complaints.length > 0);
    expect(complaints).toEqual([
      expect.stringContaining("Content Security Policy"),
    ]);
  });
});

/** The logout address of this test. */
function logoutPath(): string {
  return `/logout?test=${testNumber}`;
}

/** As a single-page app would ask; a page load would sign in anew. */
async function isSignedIn(): Promise<boolean> {
  const answer = await context.request.get(`${w.url}/session`);
  return ((await answer.json()) as { active: boolean }).active;
}

async function signInWithLongIdToken(): Promise<void> {
  w.provider.misbehave = {
    idToken: { claims: { memberOf: "a group of the user ".repeat(300) } },
  };
  await page.goto(`${w.url}/login`);
}

/** Nothing is wider than the window, light is light and dark is dark, and buttons look like buttons. */
async function expectGoodLooks(name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      if (screenshots !== undefined) {
        const path = join(screenshots, `${name}-${width}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
      }
      const { wider, brightness, button } = await page.evaluate<Looks>(LOOKS);
      expect(wider).toBe(0);
      if (colorScheme === "light") expect(brightness).toBeGreaterThan(200);
      else expect(brightness).toBeLessThan(60);
      expect(button).toEqual({ background: "rgb(29, 78, 216)", isTall: true });
    }
  }
}

interface Looks {
  /** How much wider the page is than its window. */
  readonly wider: number;
  /** The background's, 0 to 255. */
  readonly brightness: number;
  readonly button: { readonly background: string; readonly isTall: boolean };
}

const LOOKS = `(() => {
  const root = document.documentElement;
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  const button = document.querySelector("button");
  return {
    wider: root.scrollWidth - root.clientWidth,
    brightness: Math.max(...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)),
    button: {
      background: getComputedStyle(button).backgroundColor,
      isTall: button.offsetHeight >= 40,
    },
  };
})()`;
