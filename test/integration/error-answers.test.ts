/** What a provider says in an error answer reaches the developer, whatever else is wrong with the answer. */
import { afterEach, describe, expect, test } from "@jest/globals";

import type { LoginKitEvents, LoginKitOptions } from "../../lib/index.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import type { Parameters } from "../../lib/testing/provider/misbehaviour.js";
import { createTestBrowser, type Page } from "../support/test-browser.js";

type Failure = LoginKitEvents["login.failed"][0];

let w: LyingWorld;
afterEach(() => w.close());

/** Signs in at a provider that answers like this. */
async function answeredBy(
  change: (right: Parameters) => Parameters,
  kit: Partial<LoginKitOptions> = {},
): Promise<{ page: Page; failures: Failure[]; refused: string[] }> {
  w = await lyingWorld({
    kit,
    provider: { misbehave: { authorizationResponse: change } },
  });
  const failures: Failure[] = [];
  const refused: string[] = [];
  w.kit.events.on("login.failed", (failure) => failures.push(failure));
  w.kit.events.on("request.refused", ({ diagnosis }) =>
    refused.push(diagnosis),
  );
  const browser = createTestBrowser();
  let page = await browser.navigate(`${w.url}/login?login_hint=alice`);
  if (page.body.includes("document.forms[0].submit()")) {
    page = await browser.submitForm(page, {}, { initiator: page.url });
  }
  return { page, failures, refused };
}

const ERROR = {
  error: "unauthorized_client",
  error_description: "this client may not use the code flow",
};
const WORDS =
  "the provider answered unauthorized_client (this client may not use the code flow)";

const shownToAll = ({ body }: Page): string =>
  body.replace(/<details open>.*<\/details>/s, "");

describe.each(["query", "form_post"] as const)(
  "Core 3.1.2.6: by %s, the provider's own words are told where the answer",
  (responseMode) => {
    test.each<[string, (right: Parameters) => Parameters, string, string]>([
      [
        "has no state",
        ({ iss = "" }) => ({ iss }),
        "ERR_CALLBACK_MALFORMED",
        "state is missing",
      ],
      [
        "has a state that nobody knows",
        ({ iss = "" }) => ({ iss, state: "foreign" }),
        "ERR_TRANSACTION_NOT_FOUND",
        "did not come along",
      ],
      [
        "has no iss, which the provider promises",
        ({ state = "" }) => ({ state }),
        "ERR_ISSUER_MISMATCH",
        "has no iss",
      ],
      [
        "is as it should be",
        ({ iss = "", state = "" }) => ({ iss, state }),
        "ERR_AUTHORIZATION_FAILED",
        "",
      ],
    ])("%s", async (_what, kept, code, ours) => {
      const { page, failures, refused } = await answeredBy(
        (right) => ({ ...kept(right), ...ERROR }),
        { responseMode },
      );
      expect(page.response.status).toBe(400);
      const [failure] = failures;
      expect(failure).toMatchObject({ code, oauthError: ERROR.error });
      expect(failure?.diagnosis).toContain(ours);
      expect(failure?.diagnosis).toContain(WORDS);
      expect(refused).toEqual([failure?.diagnosis]);
      // In development the page says so as well, to developers alone.
      expect(page.body).toContain(WORDS);
      expect(shownToAll(page)).not.toContain("code flow");
    });
  },
);

test("a page that anybody can link to shows users no word of the link", async () => {
  const { page } = await answeredBy(() => ({ ...ERROR, state: "foreign" }));
  expect(shownToAll(page)).not.toContain(ERROR.error);
});

test("ASVS 16.2.5: what we sent is cut out, although there is no state to know it by", async () => {
  let state = "";
  const { page, failures } = await answeredBy((right) => {
    state = String(right["state"]);
    return { error: "invalid_request", error_description: `no ${state} here` };
  });
  expect(state).toMatch(/^[\w-]{43}$/);
  expect(failures).toEqual([
    expect.objectContaining({
      diagnosis: expect.stringContaining("invalid_request (no [cut] here)"),
    }),
  ]);
  expect(page.body).not.toContain(state);
});

test("ASVS 16.4.1: it is one bounded line of printable characters, whatever came", async () => {
  const noise = `\n\u001b[31m\u2028<b>${"x y".repeat(2000)}`;
  const { page, failures } = await answeredBy(() => ({
    error: noise,
    error_description: noise,
  }));
  expect(failures[0]?.diagnosis).toMatch(/^[\x20-\x7e]{1,600}$/);
  expect(failures[0]?.oauthError).toMatch(/^[\x20-\x7e]{1,200}$/);
  expect(page.body).not.toContain("<b>");
});
