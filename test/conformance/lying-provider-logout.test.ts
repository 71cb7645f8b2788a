/** The provider of the conformance tests signs users out rightly unless told otherwise. */
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  jwtVerify,
} from "jose";
import * as oidc from "openid-client";
import type { Browser } from "playwright-core";

import {
  answerOf,
  authorizationUrl,
  authorize,
  CLIENT_ID,
  CLIENT_SECRET,
  closeScenes,
  login,
  logout,
  redeem,
  scene,
  verified,
} from "../support/bare-relying-party.js";
import { launchChromium } from "../support/chromium.js";
import {
  LOGOUT_EVENT,
  LOGOUT_FAULTS,
  type LogoutFault,
  withBrokenSignature,
} from "../support/lying-provider.js";

let chromium: Browser | undefined;
afterEach(async () => {
  await chromium?.close();
  chromium = undefined;
  await closeScenes();
});

describe("by default, RP-initiated logout", () => {
  test("echoes state, and ends the session at the provider", async () => {
    const s = await scene();
    const page = await logout(s);
    expect(page.url).toBe(`${s.appUrl}/signed-out?state=a+logout+state`);
    expect(s.provider.endSessionRequests).toEqual([
      {
        method: "GET",
        parameters: expect.objectContaining({ state: "a logout state" }),
      },
    ]);
    expect(s.provider.sessions.size).toBe(0);
    const silent = answerOf(await authorize(s, { prompt: "none" }));
    expect(silent.searchParams.get("error")).toBe("login_required");
  });

  test("sends a logout token that is valid, before the browser goes back", async () => {
    const s = await scene();
    const sid = await login(s).then(() => s.provider.sidOf("alice"));
    const held = s.provider.hold("/end-session");
    const page = logout(s);
    await held.reached;
    expect(s.notices).toHaveLength(1);
    const { headers, form } = s.notices[0] ?? { headers: {}, form: {} };
    expect(headers["content-type"]).toContain(
      "application/x-www-form-urlencoded",
    );
    expect(form["ignored_parameter"]).toBe("ignored");
    const { payload, protectedHeader } = await verified(
      s,
      form["logout_token"] ?? "",
    );
    expect(payload).toEqual({
      iss: s.provider.issuer,
      sub: "alice",
      aud: CLIENT_ID,
      jti: expect.any(String),
      sid,
      events: { [LOGOUT_EVENT]: {} },
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 120,
      ignored_claim: "ignored",
    });
    expect(Object.keys(protectedHeader).sort()).toEqual(["alg", "kid"]);
    held.release();
    await page;
    const [answer] = s.provider.backchannelAnswers;
    expect(answer).toMatchObject({ status: 200, body: "noted" });
    expect(answer?.headers.get("cache-control")).toBe("no-store");
  });

  test("works by POST", async () => {
    const s = await scene();
    const { id_token: idToken = "" } = await login(s);
    const page = await s.browser.navigate(`${s.provider.issuer}/end-session`, {
      method: "POST",
      body: new URLSearchParams({
        id_token_hint: idToken,
        post_logout_redirect_uri: `${s.appUrl}/signed-out`,
      }),
    });
    expect(page.url).toBe(`${s.appUrl}/signed-out`);
    expect(s.provider.endSessionRequests[0]?.method).toBe("POST");
  });

  test.each([
    { id_token_hint: "another.id.token" },
    { post_logout_redirect_uri: "http://127.0.0.1:1/signed-out" },
    { client_id: "another" },
  ])("is refused with %j", async (parameters) => {
    const s = await scene();
    const page = await logout(s, parameters);
    expect(page.response.status).toBe(400);
    expect(s.provider.backchannelAnswers).toEqual([]);
    expect(s.provider.sessions.size).toBe(1);
  });

  test.each([
    [false, {}],
    [true, { iss: expect.any(String), sid: expect.any(String) }],
  ])(
    "frames the front-channel logout URI (session required: %j)",
    async (frontchannelLogoutSessionRequired, added) => {
      const s = await scene({
        frontchannel: true,
        client: { frontchannelLogoutSessionRequired },
      });
      const page = await logout(s);
      const frame = frameIn(page.body);
      expect(frame.pathname).toBe("/frontchannel-logout");
      expect(Object.fromEntries(frame.searchParams)).toEqual({
        tenant: "1",
        ...added,
      });
      expect(page.body).toContain(`${s.appUrl}/signed-out?state=`);
    },
  );
});

function frameIn(html: string): URL {
  const src = /<iframe src="([^"]+)"/.exec(html)?.[1] ?? "";
  return new URL(src.replaceAll("&amp;", "&"));
}

test("a logout that the provider begins frames the URI, and goes nowhere", async () => {
  const s = await scene({
    frontchannel: true,
    client: { frontchannelLogoutSessionRequired: true },
  });
  await login(s);
  const sid = s.provider.sidOf("alice");
  const page = await s.browser.navigate(
    s.provider.opInitiatedFrontchannelPage(),
  );
  expect(frameIn(page.body).searchParams.get("sid")).toBe(sid);
  expect(page.body).not.toContain("location.replace");
  expect(s.provider.sessions.size).toBe(0);
  const named = s.provider.opInitiatedFrontchannelPage({
    clientId: CLIENT_ID,
    sid: "another",
  });
  const other = await s.browser.navigate(named);
  expect(frameIn(other.body).searchParams.get("sid")).toBe("another");
});

describe("a logout token that a test asks for", () => {
  test("is posted as the provider's own would be", async () => {
    const s = await scene();
    const token = s.provider.logoutToken({ sub: "alice", sid: "a sid" });
    const answer = await s.provider.postLogoutToken(
      `${s.appUrl}/backchannel-logout`,
      token,
    );
    expect(answer.status).toBe(200);
    expect(s.notices[0]?.form["logout_token"]).toBe(token);
    expect((await verified(s, token)).payload).toMatchObject({
      sub: "alice",
      sid: "a sid",
    });
  });

  test("has the claims and the header of the test", async () => {
    const { provider } = await scene();
    const token = provider.logoutToken({
      claims: { jti: undefined, nonce: "n" },
      header: { typ: "logout+jwt", kid: undefined, crit: ["unheard-of"] },
    });
    expect(decodeJwt(token)).toMatchObject({ nonce: "n" });
    expect(decodeJwt(token)).not.toHaveProperty("jti");
    expect(decodeJwt(token)).not.toHaveProperty("sub");
    expect(decodeProtectedHeader(token)).toEqual({
      alg: "RS256",
      typ: "logout+jwt",
      crit: ["unheard-of"],
    });
  });

  test("is signed as the test says", async () => {
    const s = await scene();
    const { provider } = s;
    const jwks = createRemoteJWKSet(new URL(`${provider.issuer}/jwks`));
    const secret = Buffer.from(CLIENT_SECRET);
    const token = (options: Parameters<typeof provider.logoutToken>[0]) =>
      provider.logoutToken(options);

    await jwtVerify(token({ header: { alg: "ES256" } }), jwks);
    await jwtVerify(token({ header: { alg: "HS256" } }), secret);
    await jwtVerify(
      token({ header: { alg: "HS256" }, key: Buffer.from("a public key") }),
      Buffer.from("a public key"),
    );
    expect(token({ header: { alg: "none" } })).toMatch(/\.$/);
    await expect(
      jwtVerify(token({ key: "foreign" }), jwks),
    ).rejects.toMatchObject({
      code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
    });
    await expect(
      jwtVerify(token({ key: "foreign-kid" }), jwks),
    ).rejects.toMatchObject({ code: "ERR_JWKS_NO_MATCHING_KEY" });
    await expect(
      jwtVerify(token({ token: withBrokenSignature }), jwks),
    ).rejects.toMatchObject({
      code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
    });
  });
});

describe("on command, RP-initiated logout", () => {
  test.each([
    ["other-state", "another state"],
    ["no-state", null],
  ] as const)("%s: returns that state", async (fault, state) => {
    const s = await scene({ misbehave: LOGOUT_FAULTS[fault] });
    const page = await logout(s);
    expect(new URL(page.url).pathname).toBe("/signed-out");
    expect(new URL(page.url).searchParams.get("state")).toBe(state);
  });

  const right = {
    iss: expect.stringMatching(/^http:.*\d$/),
    aud: CLIENT_ID,
    events: { [LOGOUT_EVENT]: {} },
  };
  test.each<[LogoutFault, string, object, readonly string[]]>([
    ["alg-none", "none", right, ["nonce"]],
    ["no-event", "RS256", { aud: CLIENT_ID }, ["events", "nonce"]],
    ["with-nonce", "RS256", { ...right, nonce: expect.any(String) }, []],
    ["wrong-alg", "ES256", right, ["nonce"]],
    ["wrong-aud", "RS256", { ...right, aud: "another client" }, ["nonce"]],
    [
      "wrong-event",
      "RS256",
      { ...right, events: { "urn:example:another-event": {} } },
      ["nonce"],
    ],
    ["wrong-iss", "RS256", { iss: expect.stringMatching(/1$/) }, ["nonce"]],
  ])("%s: sends that logout token", async (fault, alg, claims, missing) => {
    const s = await scene({ misbehave: LOGOUT_FAULTS[fault] });
    await logout(s);
    const token = s.notices[0]?.form["logout_token"] ?? "";
    expect(decodeProtectedHeader(token).alg).toBe(alg);
    expect(decodeJwt(token)).toMatchObject(claims);
    for (const claim of missing)
      expect(decodeJwt(token)).not.toHaveProperty(claim);
    expect(s.provider.backchannelAnswers[0]?.logoutToken).toBe(token);
    if (fault === "wrong-iss") {
      expect(decodeJwt(token).iss).toBe(`${s.provider.issuer}1`);
    }
  });

  test("changes what the front-channel logout URI is told", async () => {
    const s = await scene({
      frontchannel: true,
      misbehave: { frontchannelLogout: () => ({ sid: "another" }) },
    });
    const { searchParams } = frameIn((await logout(s)).body);
    expect(searchParams.get("sid")).toBe("another");
  });
});

test("Session Management 3: the iframe tells a page whether the session has changed", async () => {
  const s = await scene({
    frontchannel: true,
    frontchannelPageMilliseconds: 1,
  });
  chromium = await launchChromium();
  const page = await chromium.newPage();
  const start = await authorizationUrl(s);
  await page.goto(start.href);
  const answer = new URL(page.url());
  const { id_token: idToken = "" } = await redeem(s, answer);
  const sessionState = answer.searchParams.get("session_state") ?? "";

  const ask = (message: string) =>
    page.evaluate(
      `new Promise((resolve) => {
        const frame = document.createElement("iframe");
        addEventListener("message", ({ data }) => resolve(data), { once: true });
        frame.onload = () => frame.contentWindow.postMessage(
          ${JSON.stringify(message)}, ${JSON.stringify(s.provider.issuer)});
        frame.src = ${JSON.stringify(`${s.provider.issuer}/check-session`)};
        document.body.append(frame);
      })`,
    );
  expect(await ask(`${CLIENT_ID} ${sessionState}`)).toBe("unchanged");
  expect(await ask("not a message")).toBe("error");
  expect(await ask(`another ${sessionState}`)).toBe("changed");

  const end = oidc.buildEndSessionUrl(s.config, {
    id_token_hint: idToken,
    post_logout_redirect_uri: `${s.appUrl}/signed-out`,
  });
  await page.goto(end.href);
  await page.waitForURL(`${s.appUrl}/signed-out`);
  expect(await ask(`${CLIENT_ID} ${sessionState}`)).toBe("changed");
  expect(s.provider.checkSessionPolls).toEqual(
    ["unchanged", "error", "changed", "changed"].map((answered) =>
      expect.objectContaining({ answer: answered }),
    ),
  );
});
