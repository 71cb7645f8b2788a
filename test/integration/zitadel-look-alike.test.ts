/** A provider that answers as ZITADEL does: the clients of a project and the project itself are the audience of its tokens. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";

import { loginOf } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { logoutWorld, type LogoutWorld } from "../support/logout-world.js";
import type { Claims, Misbehaviour } from "../support/lying-provider.js";
import { createTestBrowser } from "../support/test-browser.js";

const PROJECT = "231009876543210987";
const ORGANIZATION = "231001234567890123";
const OTHER_CLIENT = "231009999999999999@shop";
const THIS_CLIENT = "231008888888888888@shop";
const AUDIENCE = [OTHER_CLIENT, THIS_CLIENT, PROJECT];
const ROLES = { admin: { [ORGANIZATION]: "shop.zitadel.example" } };
const TRUSTED = [OTHER_CLIENT, PROJECT];

const zitadel: Misbehaviour = {
  idToken: {
    claims: (right) => ({
      ...right,
      aud: AUDIENCE,
      azp: THIS_CLIENT,
      client_id: THIS_CLIENT,
      amr: ["pwd"],
      "urn:zitadel:iam:org:project:roles": ROLES,
      [`urn:zitadel:iam:org:project:${PROJECT}:roles`]: ROLES,
      "urn:zitadel:iam:user:resourceowner:id": ORGANIZATION,
    }),
  },
  userinfo: (right) => ({
    ...right,
    "urn:zitadel:iam:org:project:roles": ROLES,
  }),
  logoutToken: {
    header: { typ: "logout+jwt" },
    claims: (right) => ({ ...right, aud: AUDIENCE }),
  },
};

let w: LogoutWorld;
beforeEach(takeClock);
afterEach(async () => {
  releaseClock();
  await w.close();
});

async function start(trustedAudiences?: readonly string[]): Promise<void> {
  w = await logoutWorld({
    client: () => ({ clientId: THIS_CLIENT }),
    misbehave: zitadel,
    kit: {
      clientId: THIS_CLIENT,
      scope: `openid profile offline_access urn:zitadel:iam:org:project:roles urn:zitadel:iam:org:project:id:${PROJECT}:aud`,
      ...(trustedAudiences && { trustedAudiences }),
    },
    routes(app, kit) {
      app.get("/claims", kit.requireAuth(), (req, res) => {
        res.json(loginOf(req).claims);
      });
      app.get("/token", kit.requireAuth(), async (req, res) => {
        res.send((await loginOf(req).accessToken()).value);
      });
    },
  });
  await w.signIn("alice");
}

async function read(path: string, browser = w.browser): Promise<Response> {
  return browser.fetchJson(w.app.url + path);
}

test("Core 3.1.3.7 (3): nobody is signed in without trustedAudiences, which the message names", async () => {
  await start();
  expect(await w.isSignedIn()).toBe(false);
  const page = await w.signIn("alice");
  expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  expect(page.body).toContain("trustedAudiences");
  expect(page.body).toContain(`${OTHER_CLIENT}, ${PROJECT}`);
});

test("Core 3.1.3.7 (3): an audience that is left out of trustedAudiences is named alone", async () => {
  await start([PROJECT]);
  const page = await w.signIn("alice");
  expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  expect(page.body).toContain(OTHER_CLIENT);
  expect(page.body).not.toContain(PROJECT);
});

test("users sign in, and the application sees the roles of the project", async () => {
  await start(TRUSTED);
  const claims = (await (await read("/claims")).json()) as Claims;
  expect(claims).toMatchObject({
    sub: "alice",
    "urn:zitadel:iam:org:project:roles": ROLES,
  });
});

test("Core 12.2: tokens are refreshed, ID Tokens with the same list included", async () => {
  await start(TRUSTED);
  const failures: unknown[] = [];
  w.app.kit.events.on("error", (error) => failures.push(error));
  const tokens = new Set<string>();
  for (const different of [1, 2, 3]) {
    const answer = await read("/token");
    expect(answer.status).toBe(200);
    tokens.add(await answer.text());
    expect(tokens.size).toBe(different);
    passSeconds(301);
  }
  expect(failures).toEqual([]);
});

test("RP-Initiated Logout 2: signing out ends the session there, and the tokens", async () => {
  await start(TRUSTED);
  const page = await w.pressLogout();
  expect(page.body).toBe("home");
  const [request] = w.provider.endSessionRequests;
  const hint = request?.parameters["id_token_hint"] ?? "";
  expect(decodeJwt(hint).aud).toEqual(AUDIENCE);
  expect(w.provider.sessions.size).toBe(0);
  expect(w.provider.revoked).toHaveLength(2);
  expect(await w.isSignedIn()).toBe(false);
});

test("Back-Channel Logout 2.6: a Logout Token with the same list ends the other browser's login", async () => {
  await start(TRUSTED);
  const other = w.withProviderSessionOf(w.browser);
  await w.signIn("alice", other);
  const stranger = createTestBrowser();
  await w.signIn("bob", stranger);

  await w.pressLogout();

  expect(w.provider.backchannelAnswers.map(({ status }) => status)).toEqual([
    200,
  ]);
  expect(await w.isSignedIn(other)).toBe(false);
  expect(await w.isSignedIn(stranger)).toBe(true);
});

test("Back-Channel Logout 2.6: it is refused without trustedAudiences, which request.refused names", async () => {
  w = await logoutWorld({ signedInAs: "alice" });
  const diagnoses: string[] = [];
  w.app.kit.events.on("request.refused", ({ diagnosis }) => {
    diagnoses.push(diagnosis);
  });
  const answer = await w.postLogout({
    sid: w.provider.sidOf("alice"),
    claims: (right) => ({ ...right, aud: ["shop", OTHER_CLIENT, PROJECT] }),
  });
  expect(answer.status).toBe(400);
  expect(diagnoses).toEqual([expect.stringContaining("trustedAudiences")]);
  expect(await w.isSignedIn()).toBe(true);
});
