/** The inspector's playground in Chromium: fields, preview, problems, and sending. */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Locator, Page } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import { type InspectorPage, OFFER } from "../support/inspector-page.js";
import { loginRun } from "../support/inspector-runs.js";
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

/** Opens it, for a provider that differs from the usual one in this. */
async function open(
  supported: Partial<typeof OFFER.supported> = {},
  providers: string[] = [],
): Promise<void> {
  viewer = await lookAtInspector(chromium, { runs: [loginRun()] });
  ({ page, served } = viewer);
  served.offer = {
    ...OFFER,
    providers,
    supported: { ...OFFER.supported, ...supported },
  };
  await page.getByRole("link", { name: "Playground" }).click();
  await page.getByRole("button", { name: "Send it" }).waitFor();
}

const preview = (): Locator =>
  page.getByRole("region", { name: "The request" });
const url = (): Locator => preview().locator(".url");
const textOf = async (locator: Locator): Promise<string> =>
  (await locator.innerText()).replace(/\s+/g, " ");
/** The last request that was sent, to be looked at or for real. */
const lastTried = (): unknown => served.tried.at(-1);
const triedToBe = (request: object): Promise<void> =>
  until(`it is ${JSON.stringify(request)}`, () => {
    return JSON.stringify(lastTried()) === JSON.stringify(request);
  });
const box = (group: string, name: string): Locator =>
  page.getByRole("group", { name: group }).getByLabel(name, { exact: true });

test("every field goes into the URL, which is built again and explained part by part", async () => {
  await open({ uiLocales: ["de", "en"], resources: ["https://api.example"] });
  await box("scope", "email").check();
  await box("prompt", "login").check();
  await page.getByLabel("max_age").fill("60");
  await box("acr_values", "urn:example:gold").check();
  await page.getByLabel("login_hint").fill("alice@example.com");
  await box("ui_locales", "de").check();
  await page.getByLabel("response_mode").selectOption("form_post");
  await page
    .getByRole("button", { name: "Add the claim email to the ID Token" })
    .click();
  await page
    .getByRole("button", { name: "Add the claim acr to the ID Token" })
    .click();
  await page.getByLabel("resource").selectOption("https://api.example");
  await triedToBe({
    parameters: {
      scope: "openid profile email",
      prompt: "login",
      max_age: "60",
      acr_values: "urn:example:gold",
      login_hint: "alice@example.com",
      ui_locales: "de",
      response_mode: "form_post",
      claims: '{"id_token":{"email":null,"acr":null}}',
      resource: "https://api.example",
    },
    pushed: true,
  });
  await url().getByText("resource").waitFor();
  expect(await textOf(url())).toContain(
    '&max_age=60 &acr_values=urn:example:gold &login_hint=alice@example.com &ui_locales=de &response_mode=form_post &claims={"id_token":{"email":null,"acr":null}}',
  );
  const explained = await textOf(preview());
  expect(explained).toContain(
    "max_age 60 What max_age is for. OpenID Connect Core 3.1.2.1",
  );
  expect(explained).toContain("state, nonce and code_challenge are examples");
});

test("a name has the same colour in the URL and where it is explained", async () => {
  await open();
  const scope = preview().getByText("scope", { exact: true });
  await scope.first().waitFor();
  expect(await scope.count()).toBe(2);
  const classes = await Promise.all(
    [0, 1].map((at) => scope.nth(at).getAttribute("class")),
  );
  expect(classes[0]).toContain(classes[1]);
});

test("openid cannot be left out", async () => {
  await open();
  expect(await box("scope", "openid").isDisabled()).toBe(true);
  expect(await box("scope", "openid").isChecked()).toBe(true);
});

test("what the provider does not support is not offered, and the reason is told", async () => {
  await open({
    acrValues: [],
    responseModes: [],
    claimsParameter: false,
    pushedRequests: "none",
  });
  const text = await textOf(page.locator(".request"));
  expect(text).toContain(
    "acr_values The provider's metadata names no acr_values_supported.",
  );
  expect(text).toContain(
    "ui_locales The provider's metadata names no ui_locales_supported.",
  );
  expect(text).toContain(
    "response_mode The provider's metadata names no response_modes_supported.",
  );
  expect(text).toContain(
    "claims The provider's metadata does not say claims_parameter_supported: true.",
  );
  expect(text).toContain(
    "resource The option resourceServers names no resource.",
  );
  expect(text).toContain("names no pushed_authorization_request_endpoint");
  expect(await page.getByLabel("push the request").isDisabled()).toBe(true);
  await triedToBe({ parameters: { scope: "openid profile" } });
});

test("a provider that takes pushed requests only leaves no choice", async () => {
  await open({ pushedRequests: "required" });
  const pushed = page.getByLabel("push the request");
  expect(await pushed.isChecked()).toBe(true);
  expect(await pushed.isDisabled()).toBe(true);
});

test("a request that is not to be pushed says so", async () => {
  await open();
  await page.getByLabel("push the request").uncheck();
  await triedToBe({
    parameters: { scope: "openid profile", response_mode: "query" },
    pushed: false,
  });
});

test("a problem stands at its field, others before the button, until they are gone", async () => {
  await open();
  await url().waitFor();
  served.problems = [
    "maxAgeSeconds: must be a number",
    "something else is wrong",
  ];
  const field = page.getByLabel("max_age");
  await field.fill("soon");
  await page.getByText("maxAgeSeconds: must be a number").waitFor();
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  const described = await field.getAttribute("aria-describedby");
  expect(described).toContain("problem-max_age");
  expect(await textOf(page.getByRole("alert"))).toBe("something else is wrong");
  await page.getByText("This is the request before").waitFor();
  served.problems = [];
  await field.fill("60");
  await page
    .getByText("maxAgeSeconds: must be a number")
    .waitFor({ state: "hidden" });
  expect(await field.getAttribute("aria-invalid")).toBeNull();
  await page
    .getByText("This is the request before")
    .waitFor({ state: "hidden" });
  // The browser itself notes an answer 400.
  const own = viewer.complaints.filter((text) => !text.includes("400"));
  viewer.complaints.splice(0, Infinity, ...own);
});

test("claims that are no JSON are left as they are", async () => {
  await open();
  const claims = page.getByLabel("claims");
  await claims.fill("{ not yet");
  await page
    .getByRole("button", { name: "Add the claim name to the ID Token" })
    .click();
  expect(await claims.inputValue()).toBe("{ not yet");
});

test("with several providers one is chosen, and its metadata counts", async () => {
  await open({}, ["staff", "customers"]);
  await page.getByLabel("provider").selectOption("customers");
  await page.getByText("https://other.example").waitFor();
  await triedToBe({
    provider: "customers",
    parameters: { scope: "openid profile", response_mode: "query" },
    pushed: true,
  });
});

test("it is sent as it stands, and its arrows are watched", async () => {
  await open();
  await page.getByLabel("max_age").fill("60");
  await page.getByRole("button", { name: "Send it" }).click();
  await page.getByRole("heading", { name: "Login of alice" }).waitFor();
  expect(lastTried()).toEqual({
    parameters: {
      scope: "openid profile",
      max_age: "60",
      response_mode: "query",
    },
    pushed: true,
  });
  expect(new URL(page.url()).hash).toBe("#latest");
});
