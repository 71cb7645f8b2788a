/**
 * Pages of other origins try to make forward ask the resource server in a user's
 * name, in a real browser; then the application's own page does the same.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

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
import { liveWorld, type LiveWorld } from "../support/live-world.js";
import { until } from "../support/until.js";
import { closeRedis } from "../support/world.js";
import { type Attack, attacks } from "./forward-csrf-attacks.js";

/** A request for a forwarded address, as it came to the application. */
interface Seen {
  readonly method: string;
  readonly site: string | undefined;
  /** Of a page that is shown, not of one that is loaded in advance. */
  readonly isPageLoad: boolean;
  readonly hasCookie: boolean;
  /** Undefined for a WebSocket, whose answer is bytes on its socket. */
  readonly answer: ServerResponse | undefined;
  readonly isOver: () => boolean;
}

let chromium: Browser;
let w: LiveWorld;
let attacker: ListeningServer;
let context: BrowserContext;
/** Of the application. */
let ownPage: Page;
let attackPage: Page;
/** What the page of this test says. */
let html: string;
let seen: Seen[];
let testNumber = 0;

beforeAll(async () => {
  chromium = await launchChromium();
  w = await liveWorld(
    (app) => {
      app.get("/own-page", (_req, res) => {
        res.send(html);
      });
    },
    // Where an attack comes from decides here, not what its answer is for.
    {
      destinations: ["embed", "iframe", "object", "script", "style", "worker"],
    },
  );
  // Without listeners of their own: a socket warns of too many.
  w.server.prependListener("request", (req, res) => {
    see(req, res, () => res.closed);
  });
  w.server.prependListener("upgrade", (req, socket: Duplex) => {
    see(req, undefined, () => socket.destroyed);
  });
  attacker = await listening();
  attacker.serve((_req, res) => {
    res.setHeader("Content-Type", "text/html").end(html);
  });
  context = await chromium.newContext();
  ownPage = await context.newPage();
  await ownPage.goto(`${w.url}/login`);
  attackPage = await context.newPage();
});

afterAll(async () => {
  await chromium.close();
  await Promise.all([attacker.close(), w.close()]);
  closeRedis();
});

beforeEach(async () => {
  seen = [];
  testNumber += 1;
  if (attackPage.isClosed()) attackPage = await context.newPage();
});

afterEach(async () => {
  // A page that is still being left cannot be used for the next test.
  const isLeft = seen.some(({ isPageLoad }) => isPageLoad);
  if (isLeft) {
    await until("the page that it was left for is there", () =>
      context.pages().some((page) => page.url().startsWith(w.url + path())),
    );
  }
  for (const page of context.pages()) {
    if (page === ownPage || (page === attackPage && !isLeft)) continue;
    await page.waitForLoadState();
    await page.close();
  }
});

const rows = Object.entries(attacks).map(
  ([name, attack]) =>
    [
      attack.isPreflighted === true
        ? "BFF-18, ASVS 3.5.2"
        : "BFF-15, BFF-17, ASVS 3.5.1",
      name,
      attack,
    ] as const,
);

describe.each([
  [
    "of another site",
    "cross-site",
    () => attacker.url.replace("127.0.0.1", "localhost"),
  ],
  ["BFF-16: of another origin of this site", "same-site", () => attacker.url],
])("a page %s", (_whose, pageSite, origin) => {
  test.each(
    rows.filter(
      ([, , { isSameSiteOnly = false }]) =>
        pageSite === "same-site" || !isSameSiteOnly,
    ),
  )("%s: %s reaches no resource server", async (_ids, _name, attack) => {
    const { methods, isPreflighted = false, isWithoutCookie = false } = attack;
    await carryOut(attack, origin());
    const site = "site" in attack ? attack.site : pageSite;
    expect(
      kindsOf(seen, ({ method, site, answer }) => [
        method,
        site,
        permissionsOf(answer),
      ]),
    ).toEqual(
      kindsOf(methods, (method) => [
        isPreflighted ? "OPTIONS" : method,
        site,
        [],
      ]),
    );
    await expectNothingArrived();
    // Nor was it only a missing cookie that kept them away.
    if (pageSite === "cross-site" || isPreflighted || isWithoutCookie) return;
    const status = attack === attacks["a WebSocket"] ? undefined : 403;
    expect(
      kindsOf(
        seen.filter((request) => request.isOver()),
        ({ hasCookie, answer }) => [hasCookie, answer?.statusCode],
      ),
    ).toEqual([[true, status]]);
  });

  test("BFF-15: a link to the login, with the forwarded address as the place to return to, reaches no resource server", async () => {
    await carryOut(
      {
        html: `<a href="${w.url}/login?return_to=${path()}">Kittens</a>`,
        methods: ["GET"],
        click: "a",
      },
      origin(),
    );
    expect(seen).toMatchObject([
      { site: pageSite, hasCookie: true, answer: { statusCode: 403 } },
    ]);
    await expectNothingArrived();
  });
});

describe("the same on the application's own page, so that it was the origin that was refused above:", () => {
  test.each(
    Object.entries(attacks).filter(
      // What Chromium loads in advance says "none" here, too.
      ([, { isWithoutCookie = false, site }]) =>
        !isWithoutCookie && site !== "none",
    ),
  )("%s reaches the resource server", async (_name, attack) => {
    await carryOut(attack, `${w.url}/own-page`);
    // Of this page; what the page before asks again may arrive only now.
    const target = `/v1/orders/${testNumber}`;
    expect(
      kindsOf(
        arrived().filter((request) => request.endsWith(` ${target}`)),
        (request) => request,
      ),
    ).toEqual(kindsOf(attack.methods, (method) => `${method} ${target}`));
  });
});

/** The forwarded path of this test. */
function path(): string {
  return `/api/orders/${testNumber}`;
}

/** Opens a page with the attack, and waits until all its requests are answered. */
async function carryOut(
  { html: code, methods, click }: Attack,
  origin: string,
): Promise<void> {
  html = `<!doctype html><title>Kittens</title>${code.replaceAll("%s", w.url + path())}`;
  await attackPage.goto(origin, { waitUntil: "commit" });
  if (click !== undefined) await attackPage.click(click);
  await until(
    "the application has answered",
    () =>
      seen.length >= methods.length &&
      seen.every((request) => request.isOver()),
  );
}

function see(
  { method = "", url = "", headers }: IncomingMessage,
  answer: ServerResponse | undefined,
  isOver: () => boolean,
): void {
  const { pathname } = new URL(url, w.url);
  if (pathname.replace("/live", "") !== path()) return;
  seen.push({
    method,
    site: headers["sec-fetch-site"],
    isPageLoad:
      headers["sec-fetch-dest"] === "document" &&
      headers["sec-purpose"] === undefined,
    hasCookie: /\bsession=/.test(headers.cookie ?? ""),
    answer,
    isOver,
  });
}

/** Each kind once: what is not to be stored, Chromium may ask for twice. */
function kindsOf<Item, Kind>(
  items: readonly Item[],
  toKind: (item: Item) => Kind,
): Kind[] {
  const kinds = new Map(
    items.map(toKind).map((kind) => [JSON.stringify(kind), kind]),
  );
  return [...kinds.values()];
}

/** Names of the CORS headers of an answer. */
function permissionsOf(answer: ServerResponse | undefined): string[] {
  const names = answer?.getHeaderNames() ?? [];
  return names.filter((name) => name.startsWith("access-control-"));
}

/** Only a request that the application's page makes after the attack. */
async function expectNothingArrived(): Promise<void> {
  const status = await ownPage.evaluate(`fetch("/api/afterwards", {
    headers: { "x-csrf-protection": "1" },
  }).then((answer) => answer.status)`);
  expect(status).toBe(200);
  expect(arrived()).toEqual(["GET /v1/afterwards"]);
}

/** What has reached the resource server since this was called before. */
function arrived(): string[] {
  return w.api.arrived
    .splice(0)
    .map(({ method, target }) => `${method} ${target.replace(/\?.*/, "")}`);
}
