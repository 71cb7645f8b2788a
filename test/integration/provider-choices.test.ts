/** What the application may choose about its provider: whom it trusts beside itself, how requests are sent. */
import { afterEach, describe, expect, test } from "@jest/globals";

import type { LoginKitOptions } from "../../lib/index.js";
import type { Claims, Misbehaviour } from "../support/lying-provider.js";
import { CLIENT_ID } from "../support/world.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: LyingWorld;
afterEach(() => w.close());

const PROJECT = "231009876543210";
const TRUSTING = { trustedAudiences: [PROJECT, "other@project"] };

/** As ZITADEL's tokens: clients of a project and the project itself are audiences. */
const projectClaims = (right: Claims): Claims => ({
  ...right,
  aud: [CLIENT_ID, "other@project", PROJECT],
  azp: CLIENT_ID,
  "urn:zitadel:iam:org:project:roles": { admin: { [PROJECT]: "shop" } },
});

async function start(
  misbehave: Misbehaviour,
  kit: Partial<LoginKitOptions>,
): Promise<void> {
  w = await lyingWorld({ kit, provider: { misbehave } });
}

async function signInPage(): Promise<string> {
  const page = await createTestBrowser().navigate(
    `${w.url}/login?return_to=/me`,
  );
  return page.body;
}

describe("trustedAudiences", () => {
  test("Core 3.1.3.7 (3): by default nobody else is trusted, and the message names the option", async () => {
    await start({ idToken: { claims: projectClaims } }, {});
    const body = await signInPage();
    expect(body).toContain("ERR_ID_TOKEN_INVALID");
    expect(body).toContain(`other@project, ${PROJECT}`);
    expect(body).toContain("trustedAudiences");
  });

  test("Core 3.1.3.7 (3): audiences that are named are accepted, at login and at a refresh", async () => {
    await start({ idToken: { claims: projectClaims } }, TRUSTING);
    expect(await signInPage()).toContain('"sub":"alice"');
  });

  test.each<[string, (right: Claims) => Claims]>([
    [
      "one that is not named",
      (right) => ({
        ...right,
        aud: [...[right["aud"]].flat(), "x"] as string[],
      }),
    ],
    [
      "an azp that is another client",
      (right) => ({ ...right, azp: "other@project" }),
    ],
    ["no azp", ({ azp: _removed, ...right }) => right],
    ["an azp that is no text", (right) => ({ ...right, azp: [CLIENT_ID] })],
    [
      "no audience that is this client",
      (right) => ({ ...right, aud: [PROJECT] }),
    ],
  ])("an ID Token with %s is refused", async (_what, change) => {
    await start(
      { idToken: { claims: (right) => change(projectClaims(right)) } },
      TRUSTING,
    );
    expect(await signInPage()).toContain("ERR_ID_TOKEN_INVALID");
  });

  test.each([
    ["names only trusted ones", [CLIENT_ID, PROJECT], TRUSTING, 200],
    ["names another one", [CLIENT_ID, PROJECT, "x"], TRUSTING, 400],
    ["does not name this client", [PROJECT], TRUSTING, 400],
    ["names any other, by default", [CLIENT_ID, PROJECT], {}, 400],
  ] as const)(
    "Back-Channel Logout 2.6: a Logout Token that %s",
    async (_what, aud, kit, status) => {
      await start({}, kit);
      const browser = await w.signIn("alice");
      const token = w.provider.logoutToken({
        sid: w.provider.sidOf("alice"),
        claims: (right) => ({ ...right, aud: [...aud] }),
      });
      const answer = await w.provider.postLogoutToken(
        `${w.url}/backchannel-logout`,
        token,
      );
      expect(answer.status).toBe(status);
      expect(await w.statusFor(browser)).toBe(status === 200 ? 401 : 200);
    },
  );
});

describe("pushedAuthorizationRequests", () => {
  const offers: Misbehaviour["metadata"] = (right) => ({
    ...right,
    pushed_authorization_request_endpoint: `${String(right["issuer"])}/par`,
  });
  const requires: Misbehaviour["metadata"] = (right) => ({
    ...right,
    pushed_authorization_request_endpoint: `${String(right["issuer"])}/par`,
    require_pushed_authorization_requests: true,
  });
  const usual: Misbehaviour["metadata"] = (right) => right;

  test.each([
    ["auto", "offers", offers, "pushed"],
    ["auto", "requires", requires, "pushed"],
    ["auto", "does not know", usual, "plain"],
    ["always", "offers", offers, "pushed"],
    ["always", "does not know", usual, "ERR_DISCOVERY_INVALID"],
    ["never", "offers", offers, "plain"],
    ["never", "requires", requires, "ERR_DISCOVERY_INVALID"],
  ] as const)(
    "%s, where the provider %s them",
    async (pushedAuthorizationRequests, _how, metadata, expected) => {
      await start(
        {
          metadata,
          intercept(req, res, next) {
            if (req.path !== "/par") next();
            else
              res.status(201).json({ request_uri: "urn:x:1", expires_in: 60 });
          },
        },
        { pushedAuthorizationRequests },
      );
      const answer = await createTestBrowser().request(`${w.url}/login`);
      const location = answer.headers.get("location");
      const seen =
        location === null
          ? /ERR_[A-Z_]+/.exec(await answer.text())?.[0]
          : new URL(location).searchParams.has("request_uri")
            ? "pushed"
            : "plain";
      expect(seen).toBe(expected);
    },
  );
});
