/** Cross-site request forgery: which requests count as coming from our own pages. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { isUnsafe, refuseCrossSite } from "../../lib/http/cross-site.js";
import {
  type RequestProbe,
  startRequestProbe,
} from "../support/request-probe.js";

const APP = "https://app.example";

let probe: RequestProbe;

beforeAll(async () => {
  probe = await startRequestProbe((req) => {
    try {
      refuseCrossSite(req, APP);
      return "own";
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  });
});

afterAll(async () => {
  await probe.close();
});

const OWN = "own";
const REFUSED = "ERR_CROSS_SITE_REQUEST";
const csrf = { "x-csrf-protection": "1" };

describe("Sec-Fetch-Site decides", () => {
  test.each([
    [{ "sec-fetch-site": "same-origin" }, OWN],
    [{ "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }, OWN],
    [{ "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }, OWN],
    // No page of ours opens nothing: an extension, or no browser.
    [{ "sec-fetch-site": "none", "sec-fetch-mode": "cors" }, REFUSED],
    [{ "sec-fetch-site": "none" }, REFUSED],
    [{ "sec-fetch-site": "same-site" }, REFUSED],
    [{ "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate" }, REFUSED],
    [{ "sec-fetch-site": "cross-site" }, REFUSED],
    [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, REFUSED],
    [{ "sec-fetch-site": "SAME-ORIGIN" }, REFUSED],
    [{ "sec-fetch-site": "" }, REFUSED],
    [{ "sec-fetch-site": "something-new" }, REFUSED],
    [{ "sec-fetch-site": "same-origin, cross-site" }, REFUSED],
    [{ "sec-fetch-site": ["same-origin", "cross-site"] }, REFUSED],
  ])("%j: %s", async (headers, verdict) => {
    expect(await probe.ask({ method: "POST", headers })).toBe(verdict);
  });

  test.each([{ origin: APP }, csrf, { origin: APP, ...csrf }])(
    "and nothing outweighs a foreign one: %j",
    async (more) => {
      const headers = { "sec-fetch-site": "cross-site", ...more };
      expect(await probe.ask({ method: "POST", headers })).toBe(REFUSED);
    },
  );
});

describe("without it, Origin decides", () => {
  test.each([
    [APP, OWN],
    ["null", REFUSED],
    ["", REFUSED],
    ["https://evil.example", REFUSED],
    ["http://app.example", REFUSED],
    ["https://app.example:8443", REFUSED],
    ["https://app.example.evil.example", REFUSED],
    ["https://sub.app.example", REFUSED],
    ["https://app.example/", REFUSED],
    ["HTTPS://APP.EXAMPLE", REFUSED],
    [`${APP}, https://evil.example`, REFUSED],
    [`${APP} https://evil.example`, REFUSED],
  ])("%j: %s", async (origin, verdict) => {
    expect(await probe.ask({ method: "POST", headers: { origin } })).toBe(
      verdict,
    );
  });

  test("and the custom header does not outweigh a foreign one", async () => {
    const headers = { origin: "https://evil.example", ...csrf };
    expect(await probe.ask({ method: "POST", headers })).toBe(REFUSED);
  });
});

describe("without both, the custom header decides", () => {
  test.each([
    [csrf, OWN],
    [{ "x-csrf-protection": "" }, OWN],
    [{}, REFUSED],
    [{ "x-requested-with": "XMLHttpRequest" }, REFUSED],
    [{ referer: `${APP}/orders` }, REFUSED],
    [{ host: "app.example" }, REFUSED],
    [{ "x-forwarded-host": "app.example" }, REFUSED],
    [{ "content-type": "application/json" }, REFUSED],
  ])("%j: %s", async (headers, verdict) => {
    expect(await probe.ask({ method: "POST", headers })).toBe(verdict);
  });
});

describe("the method", () => {
  let methods: RequestProbe;

  beforeAll(async () => {
    methods = await startRequestProbe((req) => isUnsafe(req));
  });

  afterAll(async () => {
    await methods.close();
  });

  test.each([
    ["GET", false],
    ["OPTIONS", false],
    ["POST", true],
    ["PUT", true],
    ["PATCH", true],
    ["DELETE", true],
    ["PROPFIND", true],
  ])("RFC 9110 9.2.1: %s may change something: %p", async (method, unsafe) => {
    expect(await methods.ask({ method })).toBe(unsafe);
  });
});
