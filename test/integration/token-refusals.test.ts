/** What real providers answer when they refuse a token request, and what it does to a refresh, a sign-in and a sign-out. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import type { LoginKitErrorCode } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { signOutAndComeBack } from "../support/sign-out.js";

/** An answer of the token or revocation endpoint. */
interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
}

/** What an answer leads to. */
interface Outcome {
  readonly refresh: readonly [number, LoginKitErrorCode];
  /** What becomes of a login that is refreshed. */
  readonly login: "ends" | "lives";
  readonly signIn: readonly [number, LoginKitErrorCode];
  /** The code of `token.revocation_failed`; undefined: there is no such event. */
  readonly revocation: LoginKitErrorCode | undefined;
}

const REFUSES_THE_TOKEN: Outcome = {
  refresh: [401, "ERR_REFRESH_REJECTED"],
  login: "ends",
  signIn: [502, "ERR_TOKEN_REQUEST_REJECTED"],
  revocation: "ERR_TOKEN_REQUEST_REJECTED",
};
/** RFC 7009 2.2: for a revocation that is success. */
const SAYS_IT_IS_GONE: Outcome = {
  ...REFUSES_THE_TOKEN,
  revocation: undefined,
};
const REFUSES_THE_REQUEST: Outcome = {
  ...REFUSES_THE_TOKEN,
  refresh: [502, "ERR_TOKEN_REQUEST_REJECTED"],
  login: "lives",
};
const REFUSES_THE_CLIENT: Outcome = {
  refresh: [502, "ERR_CLIENT_AUTHENTICATION"],
  login: "lives",
  signIn: [502, "ERR_CLIENT_AUTHENTICATION"],
  revocation: "ERR_CLIENT_AUTHENTICATION",
};
const IS_UNWELL: Outcome = {
  refresh: [503, "ERR_PROVIDER_UNAVAILABLE"],
  login: "lives",
  signIn: [503, "ERR_PROVIDER_UNAVAILABLE"],
  revocation: "ERR_PROVIDER_UNAVAILABLE",
};
/** At an address where a token endpoint was when its users signed in. */
const HAS_NO_ENDPOINT: Outcome = {
  ...REFUSES_THE_TOKEN,
  refresh: IS_UNWELL.refresh,
  login: "lives",
};

// docs/sessions-and-tokens.md has the same table.
const refusals: readonly (readonly [string, Answer, Outcome])[] = [
  ["400 invalid_grant", error(400, "invalid_grant"), SAYS_IT_IS_GONE],
  [
    "a Bearer challenge with invalid_grant",
    bearer("invalid_grant"),
    SAYS_IT_IS_GONE,
  ],
  [
    "a Bearer challenge with invalid_token",
    bearer("invalid_token"),
    SAYS_IT_IS_GONE,
  ],
  [
    "invalid_grant in a body, beside a Basic challenge",
    { ...basic(), body: { error: "invalid_grant" } },
    SAYS_IT_IS_GONE,
  ],
  ["a Bearer challenge without error", bearer(), REFUSES_THE_TOKEN],
  ["400 with a page", page(400), REFUSES_THE_TOKEN],
  ["403 with a page", page(403), REFUSES_THE_TOKEN],
  ["400 invalid_request", error(400, "invalid_request"), REFUSES_THE_TOKEN],
  ["401 invalid_request", error(401, "invalid_request"), REFUSES_THE_TOKEN],
  [
    "403 with a code of its own",
    { status: 403, body: { code: 1234 } },
    REFUSES_THE_TOKEN,
  ],
  ["400 invalid_scope", error(400, "invalid_scope"), REFUSES_THE_REQUEST],
  ["400 invalid_target", error(400, "invalid_target"), REFUSES_THE_REQUEST],
  [
    "400 unsupported_grant_type",
    error(400, "unsupported_grant_type"),
    REFUSES_THE_REQUEST,
  ],
  [
    "a Bearer challenge with invalid_scope",
    bearer("invalid_scope"),
    REFUSES_THE_REQUEST,
  ],
  [
    "a Bearer challenge with invalid_target",
    bearer("invalid_target"),
    REFUSES_THE_REQUEST,
  ],
  ["400 invalid_client", error(400, "invalid_client"), REFUSES_THE_CLIENT],
  [
    "400 unauthorized_client",
    error(400, "unauthorized_client"),
    REFUSES_THE_CLIENT,
  ],
  [
    "a Bearer challenge with invalid_client",
    bearer("invalid_client"),
    REFUSES_THE_CLIENT,
  ],
  [
    "a Bearer challenge with unauthorized_client",
    bearer("unauthorized_client"),
    REFUSES_THE_CLIENT,
  ],
  [
    "invalid_client in a body and in a Bearer challenge",
    { ...bearer("invalid_client"), body: { error: "invalid_client" } },
    REFUSES_THE_CLIENT,
  ],
  [
    "invalid_client in a body and a Basic challenge",
    { ...basic(), body: { error: "invalid_client" } },
    REFUSES_THE_CLIENT,
  ],
  ["a Basic challenge without error", basic(), REFUSES_THE_CLIENT],
  [
    "400 temporarily_unavailable",
    error(400, "temporarily_unavailable"),
    IS_UNWELL,
  ],
  ["400 server_error", error(400, "server_error"), IS_UNWELL],
  ["400 slow_down", error(400, "slow_down"), IS_UNWELL],
  ["408", { status: 408 }, IS_UNWELL],
  ["425", { status: 425 }, IS_UNWELL],
  ["429", { status: 429 }, IS_UNWELL],
  ["500", { status: 500 }, IS_UNWELL],
  ["503", { status: 503 }, IS_UNWELL],
  ["404 with a page", page(404), HAS_NO_ENDPOINT],
  ["405", { status: 405 }, HAS_NO_ENDPOINT],
  ["410", { status: 410 }, HAS_NO_ENDPOINT],
];

let w: ForwardWorld;
beforeEach(async () => {
  takeClock();
  w = await forwardWorld();
});
afterEach(async () => {
  releaseClock();
  await w.close();
});

describe("a refresh that is refused by", () => {
  // Shows: OA-12
  test.each(refusals)(
    "CORE-49, RI-03: %s ends the login only where it refuses the refresh token",
    async (_what, answer, { refresh: [status, code], login }) => {
      answerWith(answer, "/token");
      passSeconds(301);
      const refused = await w.fetch("/orders");
      expect(refused.status).toBe(status);
      expect(await refused.json()).toMatchObject({ code });
      expect(await w.statusFor(w.browser)).toBe(login === "lives" ? 200 : 401);

      // Whoever is still signed in has lost nothing.
      w.provider.misbehave = {};
      passSeconds(60);
      const later = await w.fetch("/orders");
      expect(later.status).toBe(login === "lives" ? 200 : 401);
    },
  );
});

describe("a sign-in that is refused by", () => {
  test.each(refusals)(
    "CORE-15: %s is told, and the login that this browser has lives on",
    async (_what, answer, { signIn: [status, code] }) => {
      answerWith(answer, "/token");
      const refused = await w.browser.navigate(`${w.url}/login`);
      expect(refused.response.status).toBe(status);
      expect(refused.body).toContain(code);
      expect(await w.statusFor(w.browser)).toBe(200);
      expect(w.ended).toEqual([]);
    },
  );
});

describe("a revocation that is refused by", () => {
  test.each(refusals)(
    "RV-06: %s does not keep anybody signed in",
    async (_what, answer, { revocation }) => {
      const failures: LoginKitErrorCode[] = [];
      w.kit.events.on("token.revocation_failed", (event) => {
        failures.push(event.code);
      });
      answerWith(answer, "/revoke");
      const signedOut = await signOutAndComeBack(w.browser, w.url);
      expect(signedOut.status).toBe(200);
      expect(await w.statusFor(w.browser)).toBe(401);
      // It waits for what is under way.
      await w.kit.close();
      expect(w.provider.requests).toContain("POST /revoke");
      expect(failures).toEqual(revocation === undefined ? [] : [revocation]);
    },
  );
});

/** From now on this endpoint answers nothing else. */
function answerWith(
  { status, headers = {}, body }: Answer,
  endpoint: string,
): void {
  w.provider.misbehave = {
    intercept(req, res, next) {
      if (req.path === endpoint) res.status(status).set(headers).send(body);
      else next();
    },
  };
}

function error(status: number, name: string): Answer {
  return { status, body: { error: name } };
}

function page(status: number): Answer {
  return { status, body: "<!doctype html><h1>Something is wrong</h1>" };
}

function bearer(name?: string): Answer {
  const parameters = name === undefined ? "" : `, error="${name}"`;
  return {
    status: 401,
    headers: { "WWW-Authenticate": `Bearer realm="op"${parameters}` },
  };
}

function basic(): Answer {
  return { status: 401, headers: { "WWW-Authenticate": 'Basic realm="op"' } };
}
