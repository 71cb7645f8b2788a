/** Page load or fetch: decided by what browsers say about a request. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { isPageLoad, isPageRequest } from "../../lib/http/navigation.js";
import {
  type RequestProbe,
  startRequestProbe,
} from "../support/request-probe.js";

const CHROMIUM_ACCEPT =
  "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

let probe: RequestProbe;

beforeAll(async () => {
  probe = await startRequestProbe((req) => ({
    load: isPageLoad(req),
    request: isPageRequest(req),
  }));
});

afterAll(async () => {
  await probe.close();
});

describe("Fetch Metadata decides", () => {
  test.each([
    ["navigate", CHROMIUM_ACCEPT, true],
    ["navigate", "*/*", true],
    ["navigate", "application/json", true],
    ["cors", CHROMIUM_ACCEPT, false],
    ["no-cors", CHROMIUM_ACCEPT, false],
    ["same-origin", CHROMIUM_ACCEPT, false],
    ["websocket", CHROMIUM_ACCEPT, false],
    ["NAVIGATE", CHROMIUM_ACCEPT, false],
    ["", CHROMIUM_ACCEPT, false],
  ])("Sec-Fetch-Mode %j with Accept %j: %p", async (mode, accept, isLoad) => {
    const headers = { "sec-fetch-mode": mode, accept };
    expect(await probe.ask({ headers })).toMatchObject({ load: isLoad });
  });

  test("said twice, it says nothing", async () => {
    const headers = { "sec-fetch-mode": ["navigate", "navigate"] };
    expect(await probe.ask({ headers })).toMatchObject({ load: false });
  });
});

describe("without Fetch Metadata, text/html named in Accept decides", () => {
  test.each([
    [CHROMIUM_ACCEPT, true],
    ["text/html", true],
    ["application/json, text/html;q=0.1", true],
    ["*/*", false],
    ["text/*", false],
    ["application/json", false],
    ["application/xhtml+xml", false],
    ["text/html5", false],
    ["", false],
  ])("Accept %j: %p", async (accept, isLoad) => {
    expect(await probe.ask({ headers: { accept } })).toMatchObject({
      load: isLoad,
    });
  });

  test("no Accept at all is no page load", async () => {
    expect(await probe.ask({})).toMatchObject({ load: false });
  });
});

describe("only a page load by GET may be redirected to login", () => {
  test.each([
    ["GET", true],
    ["POST", false],
    ["PUT", false],
    ["PATCH", false],
    ["DELETE", false],
    ["OPTIONS", false],
  ])("%s: %p", async (method, isRequest) => {
    const headers = { "sec-fetch-mode": "navigate" };
    expect(await probe.ask({ method, headers })).toMatchObject({
      load: true,
      request: isRequest,
    });
  });
});
