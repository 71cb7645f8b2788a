/** What a resource server answers is data for a page: no page runs it, takes its style from it or shows it inside of its own. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";

import { ConfigError } from "../../lib/index.js";
import { launchChromium } from "../support/chromium.js";
import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { until } from "../support/until.js";

const REFUSED = [
  "audioworklet",
  "embed",
  "fencedframe",
  "frame",
  "iframe",
  "manifest",
  "object",
  "paintworklet",
  "script",
  "serviceworker",
  "sharedworker",
  "speculationrules",
  "style",
  "webidentity",
  "worker",
  "xslt",
];

let w: ForwardWorld;
let chromium: Browser;
/** What the page of this test says. */
let html: string;

beforeAll(async () => {
  chromium = await launchChromium();
  w = await forwardWorld({
    before(app, kit) {
      app.get("/page", (_req, res) => {
        res.set("Content-Security-Policy", "default-src 'self'").send(html);
      });
      app.use(
        "/frames",
        kit.requireAuth(),
        kit.forward("orders", { destinations: ["iframe"] }),
      );
    },
  });
});
afterAll(() => Promise.all([w.close(), chromium.close()]));

function get(path: string, destination: string): Promise<Response> {
  return w.browser.fetchJson(w.url + path, {
    headers: { "Sec-Fetch-Dest": destination },
  });
}

// Names that do not exist yet are refused too.
// Shows: ERR_DESTINATION_NOT_ALLOWED
test.each([...REFUSED, "brainimplant", "", "Script", "empty, script"])(
  "Sec-Fetch-Dest: %s is refused with 403",
  async (destination) => {
    w.api.requests.length = 0;
    const answer = await get("/api/attachments/1", destination);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      code: "ERR_DESTINATION_NOT_ALLOWED",
    });
    expect(w.api.requests).toEqual([]);
  },
);

test.each([
  "audio",
  "document",
  "empty",
  "font",
  "image",
  "json",
  "report",
  "track",
  "video",
])("Sec-Fetch-Dest: %s passes", async (destination) => {
  expect((await get("/api/attachments/1", destination)).status).toBe(200);
});

test("a route opens what its destinations name, and nothing else", async () => {
  expect((await get("/frames/1", "iframe")).status).toBe(200);
  expect((await get("/frames/1", "empty")).status).toBe(200);
  expect((await get("/frames/1", "script")).status).toBe(403);
});

test("a destination that there is not is a ConfigError at once", () => {
  const create = (): unknown =>
    w.kit.forward("orders", { destinations: ["iframes"] });
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(/destinations: iframes is no destination/);
});

test("an answer is not taken from a cache for another destination", async () => {
  const { headers } = await get("/api/attachments/1", "empty");
  expect(headers.get("vary")).toMatch(/(?:^|, )Sec-Fetch-Dest(?:,|$)/);
});

describe("in Chromium, a page with default-src 'self'", () => {
  test.each([
    ["a script", "<script src='/api/attachments/1'></script>"],
    ["a module", "<script type=module src='/api/attachments/1'></script>"],
    ["a style sheet", "<link rel=stylesheet href='/api/attachments/1'>"],
    ["a frame", "<iframe src='/api/attachments/1'></iframe>"],
    ["an object", "<object data='/api/attachments/1'></object>"],
  ])("gets no attachment as %s", async (_kind, element) => {
    w.api.requests.length = 0;
    w.api.answer = (_req, res) => {
      res.writeHead(200, { "Content-Type": "text/javascript" });
      res.end("document.title = 'attacked';");
    };
    html = `<!doctype html><title>safe</title>${element}`;
    const page = await signedInPage();
    let refused = 0;
    const count = ({ code }: { readonly code: string }): void => {
      refused += Number(code === "ERR_DESTINATION_NOT_ALLOWED");
    };
    w.kit.events.on("request.refused", count);
    await page.goto(`${w.url}/page`);
    await until("the attachment is refused", () => refused > 0);
    expect(await page.title()).toBe("safe");
    expect(w.api.requests).toEqual([]);
    w.kit.events.off("request.refused", count);
    await page.context().close();
  });
});

async function signedInPage(): Promise<Page> {
  const context = await chromium.newContext();
  const page = await context.newPage();
  await page.goto(`${w.url}/login`);
  return page;
}
