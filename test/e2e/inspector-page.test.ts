/** The inspector's page in Chromium: runs, their arrows and messages, by pointer and keyboard, live. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Browser, Locator, Page } from "playwright-core";

import type { Run } from "../../lib/inspector/model.js";
import { STEPS } from "../../lib/telling/messages.js";
import { launchChromium } from "../support/chromium.js";
import type { InspectorPage } from "../support/inspector-page.js";
import {
  allRuns,
  loginRun,
  refusedRun,
  refreshRun,
  wrongNonceRun,
} from "../support/inspector-runs.js";
import {
  type InspectorViewer,
  lookAtInspector,
} from "../support/inspector-viewer.js";
import { until } from "../support/until.js";

let chromium: Browser;
let viewer: InspectorViewer;
let page: Page;
let served: InspectorPage;

beforeAll(async () => {
  chromium = await launchChromium();
});
afterAll(async () => {
  await chromium.close();
});
afterEach(async () => {
  await viewer.close();
  expect(viewer.complaints).toEqual([]);
});

async function open(
  runs: Run[],
  look: Parameters<typeof lookAtInspector>[1] = {},
): Promise<void> {
  viewer = await lookAtInspector(chromium, { runs, ...look });
  ({ page, served } = viewer);
}

/** The arrow with this step. */
const arrow = (step: number): Locator =>
  page.getByRole("button", { name: new RegExp(`, step ${step}\\b`) });
/** What a screen reader says of it. */
const sentence = (step: number): Promise<string | null> =>
  arrow(step).locator(".spoken").textContent();
const message = (): Locator => page.getByRole("region", { name: "Message" });
const heading = (name: string): Locator =>
  page.getByRole("heading", { name, exact: true });
const focused = (): Promise<string> =>
  page.evaluate<string>(
    `(() => { let at = document.activeElement; while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement; return at.querySelector(".spoken")?.textContent ?? at.getAttribute("aria-label") ?? at.textContent; })()`,
  );
const shown = async (locator: Locator): Promise<string> =>
  (await locator.innerText()).replace(/\s+/g, " ");

/** A run as it was before its last items came. */
function cut(run: Run, items: number): Run {
  return { ...run, state: "running", items: run.items.slice(0, items) };
}

describe("the diagram", () => {
  test("has a lane for each party that takes part, with its real name", async () => {
    await open([refreshRun()]);
    const lanes = page.getByRole("list", { name: "Who takes part" });
    expect(await shown(lanes)).toBe(
      "Browser Chrome 141, Linux Client App localhost:3000 Auth Server auth.example.com Resource Server orders",
    );
  });

  test("has an arrow for each message, in order, which reads as a sentence", async () => {
    await open([loginRun()]);
    const list = page.getByRole("list", {
      name: "Messages of: Login of alice",
    });
    const buttons = await list.getByRole("button").all();
    const names = await Promise.all(
      buttons.map((button) => button.locator(".spoken").textContent()),
    );
    expect(names).toHaveLength(14);
    expect(names.slice(2, 6)).toEqual([
      "Browser to Client App: GET /login, 10 ms, step 3, Login",
      "Client App to Browser: 303 to auth.example.com/authorize, 22 ms, step 4, answer to step 3",
      "Browser to Auth Server: GET auth.example.com/authorize, 22 ms, step 5, Authentication Request, not seen by the application",
      "Auth Server to Browser: code and state, 6.18 s, step 6, Authentication Response, not seen by the application",
    ]);
  });

  test("requests are solid, answers dashed, what was not seen is lighter and says so", async () => {
    await open([loginRun()]);
    const line = (step: number, property: string): Promise<string> =>
      arrow(step)
        .locator(".line")
        .evaluate(
          (element, name) =>
            (globalThis as unknown as Styles)
              .getComputedStyle(element)
              .getPropertyValue(name),
          property,
        );
    expect(await line(3, "border-top-style")).toBe("solid");
    expect(await line(4, "border-top-style")).toBe("dashed");
    expect(await line(3, "opacity")).toBe("1");
    expect(Number(await line(5, "opacity"))).toBeLessThan(1);
    expect(await shown(arrow(5))).toContain("not seen by the application");
  });

  test("tells beside it which steps of the flow the run has", async () => {
    await open([loginRun()]);
    const story = page.getByRole("region", { name: "What happens here" });
    expect(await story.getByRole("listitem").count()).toBe(7);
    expect(await shown(story)).toContain(STEPS[3]?.title);
    await story.getByRole("button", { name: STEPS[5]?.title ?? "" }).click();
    await heading("Token Request").waitFor();
    expect(await focused()).toContain("step 8");
  });

  test("a run of a second browser says so", async () => {
    await open([refusedRun()]);
    const lanes = page.getByRole("list", { name: "Who takes part" });
    expect(await shown(lanes)).toContain("Browser 2 Chrome 141, Linux");
  });
});

interface Styles {
  getComputedStyle(element: unknown): {
    getPropertyValue(name: string): string;
  };
}

describe("a message", () => {
  test("opens by a click, is explained part by part, and closes", async () => {
    await open([loginRun()]);
    await arrow(5).click();
    expect(await arrow(5).getAttribute("aria-expanded")).toBe("true");
    const text = await shown(message());
    expect(text).toContain("Carried by the browser: who asks, for what");
    expect(text).toContain(
      "GET https://auth.example.com/authorize ?response_type=code &client_id=shop",
    );
    expect(text).toContain(
      "scope openid profile email offline_access What the application asks for. OpenID Connect Core 3.1.2.1",
    );
    expect(
      await message()
        .getByRole("link", { name: "RFC 7636 4.2" })
        .getAttribute("href"),
    ).toBe("https://www.rfc-editor.org/rfc/rfc7636#section-4.2");
    await message().getByRole("button", { name: "Close" }).click();
    expect(await message().count()).toBe(0);
    expect(await focused()).toContain("step 5");
  });

  test("a click on its arrow closes it again", async () => {
    await open([loginRun()]);
    await arrow(3).click();
    await heading("Login").waitFor();
    await arrow(3).click();
    expect(await message().count()).toBe(0);
    expect(await arrow(3).getAttribute("aria-expanded")).toBe("false");
  });

  test("a hidden value names where the same value is, and leads there", async () => {
    await open([loginRun()]);
    await arrow(5).click();
    expect(await shown(message())).toMatch(
      /nonce 43 characters, fingerprint [0-9a-f]{8} = the same value as in step 9: nonce in the ID Token/,
    );
    expect(await shown(arrow(7))).toContain("same state");
    expect(await shown(arrow(9))).toContain("same nonce in the ID Token");
    await message()
      .getByRole("button", { name: "step 9: nonce in the ID Token" })
      .click();
    await heading("Answer: Token Request").waitFor();
    expect(await focused()).toContain("step 9");
  });

  test("an ID Token is decoded, and each check has its result", async () => {
    await open([loginRun()]);
    await arrow(9).click();
    const text = await shown(message());
    expect(text).toContain(
      "passed: nonce is the one that was sent nonce OpenID Connect Core 3.1.3.7 (11)",
    );
    expect(text).toContain("alg RS256 kid 2026-11");
    expect(text).toContain('aud ["shop"]');
    expect(text).toMatch(/exp 1795910700 \S+2026/);
    // Set as text: it is no element.
    expect(text).toContain("Alice <b>Example</b>");
    expect(await message().locator("b").count()).toBe(0);
  });

  test("shows on demand what browser and store hold now", async () => {
    await open([loginRun()]);
    await arrow(13).click();
    expect(served.heldAsked).toBe(0);
    await message().getByText("What browser and store hold now").click();
    await message().getByText("In the store: Redis").waitFor();
    const text = await shown(message());
    expect(text).toContain(
      "kit.sid 86 characters, fingerprint 0badcafe The session",
    );
    expect(text).toContain("7 h 58 min left");
    expect(text).toContain("tokens the token set, 2144 bytes, sealed");
  });

  test("arrow keys go from arrow to arrow, Enter opens, Escape closes", async () => {
    await open([loginRun()]);
    await arrow(1).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect(await focused()).toContain("step 3");
    await page.keyboard.press("End");
    expect(await focused()).toContain("step 14");
    await page.keyboard.press("ArrowDown");
    expect(await focused()).toContain("step 14");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowUp");
    expect(await focused()).toContain("step 1,");
    await page.keyboard.press("Enter");
    await heading("Request to the application").waitFor();
    // Tab leaves the list: the message comes next.
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Close");
    await page.keyboard.press("Escape");
    expect(await message().count()).toBe(0);
    expect(await focused()).toContain("step 1,");
  });

  test("stands below its arrow where there is little room", async () => {
    await open([loginRun()], { viewport: { width: 360, height: 740 } });
    await arrow(3).click();
    await heading("Login").waitFor();
    expect(await page.locator("li.open section.message").count()).toBe(1);
    await page.setViewportSize({ width: 1400, height: 900 });
    await page.locator(".beside section.message").waitFor();
  });
});

describe("a run that failed", () => {
  test("is opened at the arrow that failed, with cause, remedy and what happened", async () => {
    await open([loginRun(), wrongNonceRun()]);
    await heading("Failed here: The sign-in could not be verified").waitFor();
    const text = await shown(message());
    expect(text).toContain("Cause The ID Token is not what was asked for");
    expect(text).toContain("Remedy Start the login again.");
    expect(text).toContain('What happened unexpected ID Token "nonce"');
    expect(text).toContain("failed: nonce is the one that was sent");
    expect(text).not.toContain("= the same value as in step 5: nonce");
    expect(await sentence(9)).toContain(
      "failed: The sign-in could not be verified",
    );
    expect(await shown(page.locator("li.failed .failure-line"))).toContain(
      "its signature, issuer",
    );
  });

  test("its line leads back to that arrow", async () => {
    await open([refusedRun()]);
    await arrow(1).click();
    await page.getByRole("button", { name: "Failed at step 7" }).click();
    await heading("Failed here: You did not sign in").waitFor();
    expect(await shown(message())).toContain(
      "The user <i>denied</i> the request",
    );
  });

  test("without such an arrow the cause stands below the last one", async () => {
    const { failure, ...run } = refusedRun();
    if (failure === undefined) throw new Error("it did not fail");
    await open([{ ...run, failure: { ...failure, arrow: undefined } }]);
    const reasons = page.locator(".end");
    expect(await shown(reasons)).toContain(
      "Cause The user, or the provider's policy, has said no.",
    );
  });
});

describe("while it happens", () => {
  test("the newest run is followed until another is chosen, and then again on demand", async () => {
    await open([loginRun()]);
    served.tell(refreshRun());
    await heading("Refresh for GET /api/orders, for alice").waitFor();
    await page
      .getByRole("navigation", { name: "Runs" })
      .getByText("Login of alice")
      .click();
    await heading("Login of alice").waitFor();
    served.tell(refusedRun());
    await page
      .getByRole("navigation", { name: "Runs" })
      .getByText("12:06")
      .waitFor();
    await heading("Login of alice").waitFor();
    await page.getByRole("link", { name: "Follow the newest" }).click();
    await heading("Failed here: You did not sign in").waitFor();
    await page.getByText("newest, followed live").waitFor();
  });

  test("new arrows leave what is open and focused alone, and are told", async () => {
    const run = loginRun();
    await open([cut(run, 5)]);
    await page.getByText("waiting").waitFor({ state: "hidden" });
    await arrow(5).click();
    await message().getByText("What browser and store hold now").click();
    await message().getByText("In the store: Redis").waitFor();
    await message().getByRole("link", { name: "RFC 7636 4.2" }).focus();
    served.tell(cut(run, 10));
    await arrow(9).waitFor();
    await heading("Authentication Request").waitFor();
    expect(await focused()).toBe("RFC 7636 4.2");
    await message().getByText("In the store: Redis").waitFor();
    // What came back is known as the same.
    await message()
      .getByRole("button", { name: "step 9: nonce in the ID Token" })
      .waitFor();
    const news = page.locator("login-sequence [aria-live=polite]");
    expect(await shown(news)).toBe("4 new: Token Request");
    await arrow(6).focus();
    served.tell(run);
    await arrow(14).waitFor();
    expect(await focused()).toContain("step 6");
    expect(await shown(news)).toContain("Run done");
  });

  test("a click that is on its way stays one when its run changes meanwhile", async () => {
    const run = loginRun();
    await open([run, refusedRun()]);
    const list = page.getByRole("navigation", { name: "Runs" });
    await list.getByText("Login of alice").hover({ force: true });
    await page.mouse.down();
    served.tell({ ...run, title: "Login of bob" });
    await list.getByText("Login of bob").waitFor();
    await page.mouse.up();
    await until("it is chosen", () => page.url().endsWith("#run=run-1"));
    await arrow(3).hover();
    await page.mouse.down();
    const items = run.items.map((item) => ({ ...item, at: item.at + 1000 }));
    served.tell({ ...run, items });
    await page.getByRole("button", { name: "1.01 s, step 3" }).waitFor();
    await page.mouse.up();
    await heading("Login").waitFor();
  });

  test("an arrow that becomes known later gets its place before those that are there", async () => {
    const run = loginRun();
    const [known, later] = [run.items.slice(0, 4), run.items.slice(0, 6)];
    await open([
      { ...cut(run, 4), items: [...known, ...run.items.slice(6, 9)] },
    ]);
    await arrow(7).focus();
    served.tell({ ...run, items: [...later, ...run.items.slice(6, 9)] });
    await page
      .getByRole("button", { name: /, Authentication Request/ })
      .waitFor();
    expect(await sentence(5)).toContain("Authentication Request");
    expect(await focused()).toContain("POST /token, 6.19 s, step 8");
  });

  test("a lost connection is told, and what happened meanwhile is there when it is back", async () => {
    await open([loginRun()]);
    served.goAway();
    await page.getByText("Connection lost, trying again").waitFor();
    served.runs.push(refusedRun());
    served.comeBack();
    await page.getByText("Live", { exact: true }).waitFor();
    await heading("Failed here: You did not sign in").waitFor();
    // The browser itself complains about the connection.
    const own = viewer.complaints.filter((text) => !/net::|503/.test(text));
    viewer.complaints.splice(0, Infinity, ...own);
  });
});

describe("the list of runs", () => {
  const listed = (): Promise<string[]> =>
    page
      .getByRole("list", { name: "Runs, newest first" })
      .getByRole("button")
      .allInnerTexts();

  test("has kind, title, browser, state and time of each, the newest first", async () => {
    await open(allRuns());
    const texts = (await listed()).map((text) => text.replace(/\s+/g, " "));
    expect(texts).toHaveLength(6);
    expect(texts[0]).toMatch(
      /^Login failed Login · Browser 2 · \S*06:00\D* · 6.18 s$/,
    );
    expect(texts[2]).toContain("Logout of alice by the provider done");
  });

  test("is filtered by kind, state, browser and text", async () => {
    await open(allRuns());
    await page.getByLabel("Kind").selectOption("login");
    expect(await listed()).toHaveLength(3);
    await page.getByLabel("State").selectOption("failed");
    expect(await listed()).toHaveLength(2);
    await page.getByLabel("Browser", { exact: true }).selectOption("2");
    expect(await listed()).toHaveLength(1);
    await page.getByLabel("Search title or address").fill("token-of-nobody");
    expect(await listed()).toHaveLength(0);
    await page.getByText("No run fits these filters.").waitFor();
    await page.getByLabel("Search title or address").fill("ACCESS_DENIED");
    expect(await listed()).toHaveLength(1);
  });

  test("is cleared, and says then what to do", async () => {
    await open(allRuns());
    await page.getByRole("button", { name: "Clear" }).click();
    await heading("Nothing has happened yet").waitFor();
    await page
      .getByText("Open your application in another tab and sign in")
      .waitFor();
    expect(served.runs).toEqual([]);
    const [tab] = await Promise.all([
      page.waitForEvent("popup"),
      page.getByRole("link", { name: "Open the application" }).click(),
    ]);
    await tab.getByText("The application").waitFor();
    served.tell(loginRun());
    await heading("Login of alice").waitFor();
  });
});

describe("a run goes out", () => {
  test("as JSON and as Mermaid, by links", async () => {
    await open([loginRun()]);
    for (const [name, file] of [
      ["JSON", "login-run-run-1.json"],
      ["Mermaid", "login-run-run-1.mmd"],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name, exact: true }).click(),
      ]);
      expect(download.suggestedFilename()).toBe(file);
    }
  });

  test("as Mermaid by the clipboard", async () => {
    await open([loginRun()], {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await page.getByRole("button", { name: "Copy Mermaid" }).click();
    await page.getByText("Copied.").waitFor();
    const text = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(text).toMatch(/^sequenceDiagram/);
  });
});

describe("two runs", () => {
  test("are laid side by side, and what differs is marked", async () => {
    await open(allRuns(), { hash: "#run=run-1" });
    await page.getByLabel("Compare with").selectOption("run-5");
    const comparison = page.getByRole("region", { name: "Comparison" });
    await comparison.getByText("6 of 14 messages differ.").waitFor();
    const row = async (name: string): Promise<string> =>
      shown(comparison.getByRole("row", { name }));
    expect(await row("Token Request, answer")).toContain(
      "check nonce: passed ≠ failed",
    );
    expect(await row("Callback, answer")).toContain("status 303 ≠ 502");
    expect(await row("Provider keys, answer")).toContain(
      "not in this run only in the left run",
    );
    expect(await row("Login, answer")).not.toContain("≠");
    await page.getByLabel("Compare with").selectOption("");
    await arrow(14).waitFor();
    expect(await comparison.count()).toBe(0);
  });

  test("of the same kind differ in nothing but secrets", async () => {
    await open([loginRun(), loginRun("run-9")], {
      hash: "#run=run-1&with=run-9",
    });
    await page
      .getByText("No difference but in secrets and small times.")
      .waitFor();
  });

  test("an answer that took much longer is marked", async () => {
    const slow = loginRun("run-9");
    const items = slow.items.map((item, index) => ({
      ...item,
      at: item.at + (index > 8 ? 2000 : 0),
    }));
    await open([loginRun(), { ...slow, items }], {
      hash: "#run=run-1&with=run-9",
    });
    await page
      .getByText("the right answer took 2000 ms longer")
      .first()
      .waitFor();
  });
});

test("arrows are explained, unless one does not want that, also next time", async () => {
  await open([loginRun()]);
  const words = page.getByText("The browser brings the provider's answer");
  await words.waitFor();
  const button = page.getByRole("button", { name: "Explain arrows" });
  await button.click();
  await words.waitFor({ state: "hidden" });
  expect(await button.getAttribute("aria-pressed")).toBe("false");
  await page.reload();
  await arrow(7).waitFor();
  await words.waitFor({ state: "hidden" });
});

test("what is held now has a part of its own, which looks again", async () => {
  await open([loginRun()], { hash: "#held" });
  await page.getByText("In the store: Redis").waitFor();
  const before = served.heldAsked;
  await page.getByRole("button", { name: "Look again" }).click();
  await until("it is asked again", () => served.heldAsked > before);
  await page.getByRole("link", { name: "Runs" }).click();
  await heading("Login of alice").waitFor();
});
