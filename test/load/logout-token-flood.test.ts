/** Anybody may post logout tokens: what they cost is bounded, and nobody else suffers. */
import { randomUUID } from "node:crypto";
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { afterEach, describe, expect, test } from "@jest/globals";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { type LogoutWorld, logoutWorld } from "../support/logout-world.js";
import { LOGOUT_EVENT, type Misbehaviour } from "../support/lying-provider.js";
import { createTestBrowser } from "../support/test-browser.js";
import { CLIENT_ID } from "../support/world.js";
import { volume } from "../support/volume.js";

/** Tokens of a flood. */
const FLOOD = volume(200, 2_000);

const AT_ONCE = 50;
/** Fetches of the JWK Set that a flood may cause, beside those of logins. */
const FETCHES = 6;
/** What may be left of a flood in memory. Bytes. */
const LEFT_OVER = 1024 * 1024;

/** A flood shares its process with the provider: how long that takes to answer is not what is tested. */
const kit = { providerTimeoutSeconds: 60 };

/** What a flood may cause, and what the kit allows again after so many milliseconds. */
function allowed(startedAt: number, every: number): number {
  return FETCHES + Math.floor((performance.now() - startedAt) / every);
}

let w: LogoutWorld;
afterEach(async () => {
  releaseClock();
  await w.close();
});

interface Flood {
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<number, number>>;
  /** `Retry-After` of the answers 429 and 503. */
  readonly retryAfter: readonly (string | undefined)[];
}

/** Posts tokens that are right but for the key, each under a `kid` of its own. */
async function flood(
  count: number,
  halfway: () => Promise<void> = () => Promise.resolve(),
  claims: () => object = () => ({ sub: "alice" }),
): Promise<Flood> {
  const statuses: Record<number, number> = {};
  const retryAfter = new Set<string | undefined>();
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let left = count;
  let middle: Promise<void> | undefined;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      if (left < count / 2) middle ??= halfway();
      const { status, headers } = await postBadToken(agent, claims());
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 429 || status === 503) {
        retryAfter.add(headers["retry-after"]);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  await middle;
  agent.destroy();
  return { statuses, retryAfter: [...retryAfter] };
}

/** Nobody gets as far as its signature, so it has one of another token. */
function postBadToken(agent: Agent, claims: object) {
  const { issuer } = w.provider;
  const now = Math.floor(Date.now() / 1000);
  const token = [
    { alg: "RS256", kid: randomUUID() },
    {
      iss: issuer,
      aud: CLIENT_ID,
      iat: now,
      exp: now + 120,
      jti: randomUUID(),
      events: { [LOGOUT_EVENT]: {} },
      ...claims,
    },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  return new Promise<{ status: number; headers: IncomingHttpHeaders }>(
    (resolve, reject) => {
      request(
        `${w.app.url}/backchannel-logout`,
        {
          agent,
          method: "POST",
          headers: { "content-type": "application/x-www-form-urlencoded" },
        },
        (answer) => {
          const { statusCode: status = 0, headers } = answer;
          answer.resume().on("end", () => {
            resolve({ status, headers });
          });
        },
      )
        .on("error", reject)
        .end(`logout_token=${token.join(".")}.${"A".repeat(342)}`);
    },
  );
}

const jwksDown: Misbehaviour = {
  intercept: (req, res, next) => {
    if (req.path === "/jwks") res.status(503).end();
    else next();
  },
};

describe(`${FLOOD} logout tokens under random key ids, 50 at a time`, () => {
  test("the provider's keys are fetched 6 times at the most, and every answer is 400, or 429 with Retry-After", async () => {
    w = await logoutWorld({ kit, signedInAs: "alice" });
    const before = w.provider.jwksFetches();
    const startedAt = performance.now();
    const { statuses, retryAfter } = await flood(FLOOD);
    const fetches = w.provider.jwksFetches() - before;
    console.info(`flood: ${fetches} fetches, ${JSON.stringify(statuses)}`);
    expect(fetches).toBeLessThanOrEqual(allowed(startedAt, 15_000));
    expect(Object.keys(statuses)).toEqual(["400", "429"]);
    expect(retryAfter).toEqual([expect.stringMatching(/^[1-9]\d*$/)]);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("meanwhile others sign in and are served", async () => {
    w = await logoutWorld({ kit, signedInAs: "alice" });
    const bob = createTestBrowser();
    let served: readonly boolean[] = [];
    await flood(FLOOD, async () => {
      await w.signIn("bob", bob);
      served = [await w.isSignedIn(), await w.isSignedIn(bob)];
    });
    expect(served).toEqual([true, true]);
  });

  test("meanwhile a valid logout token has its effect", async () => {
    w = await logoutWorld({ kit, signedInAs: "alice" });
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    let status: number | undefined;
    await flood(FLOOD, async () => {
      ({ status } = await w.postLogout({ sub: "bob" }));
    });
    expect(status).toBe(200);
    expect(await w.isSignedIn(bob)).toBe(false);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("meanwhile the provider's keys may change: sign-in works at once, and so do logout tokens after it", async () => {
    w = await logoutWorld({ kit, signedInAs: "alice" });
    const bob = createTestBrowser();
    const before = w.provider.jwksFetches();
    const startedAt = performance.now();
    const seen: unknown[] = [];
    await flood(FLOOD, async () => {
      await w.provider.rotateKeys();
      const page = await w.signIn("bob", bob);
      seen.push(page.response.status, await w.isSignedIn(bob));
      seen.push((await w.postLogout({ sub: "bob" })).status);
    });
    expect(seen).toEqual([200, true, 200]);
    // One more, for the login.
    expect(w.provider.jwksFetches() - before).toBeLessThanOrEqual(
      allowed(startedAt, 15_000) + 1,
    );
  });

  test("leave nothing in memory", async () => {
    w = await logoutWorld({ kit, signedInAs: "alice" });
    const used: number[] = [];
    for (let round = 0; round < 4; round++) {
      await flood(FLOOD);
      used.push(heapUsed());
    }
    console.info(`heap after each flood, in KB: ${used.map(kilobytes).join()}`);
    const [, second = 0, , last = Infinity] = used;
    // The first two fill caches and compile what is used often.
    expect(last - second).toBeLessThan(LEFT_OVER);
  }, 240_000);
});

test("after a flood, a token under a new key is told to come again, and is accepted then", async () => {
  takeClock();
  w = await logoutWorld({ kit, signedInAs: "alice" });
  await flood(200);
  await w.provider.rotateKeys();
  const early = await w.postLogout({ sub: "alice" });
  expect(early.status).toBe(429);
  expect(await w.isSignedIn()).toBe(true);
  passSeconds(Number(early.headers.get("retry-after")));
  expect((await w.postLogout({ sub: "alice" })).status).toBe(200);
  expect(await w.isSignedIn()).toBe(false);
});

describe("in a flood that goes on, a genuine token under a new key is accepted at once", () => {
  test.each<[string, () => object]>([
    ["invented users", () => ({ sub: randomUUID() })],
    ["invented sessions", () => ({ sid: randomUUID() })],
    [
      "an invented session of a user",
      () => ({ sub: "alice", sid: randomUUID() }),
    ],
    ["another user", () => ({ sub: "alice" })],
  ])("by tokens for %s", async (_what, claims) => {
    // Nothing is earned back while the clock stands still.
    takeClock();
    w = await logoutWorld({ kit, signedInAs: "alice" });
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    const before = w.provider.jwksFetches();
    let genuine: Response | undefined;
    await flood(
      400,
      async () => {
        await w.provider.rotateKeys();
        genuine = await w.postLogout({ sub: "bob" });
      },
      claims,
    );
    expect(genuine?.status).toBe(200);
    expect(await w.isSignedIn(bob)).toBe(false);
    expect(await w.isSignedIn()).toBe(true);
    expect(w.provider.jwksFetches() - before).toBeLessThanOrEqual(FETCHES);
  });

  test("for this very user, when it names the session, which strangers do not know", async () => {
    takeClock();
    w = await logoutWorld({ kit, signedInAs: "alice" });
    const before = w.provider.jwksFetches();
    let genuine: Response | undefined;
    await flood(400, async () => {
      await w.provider.rotateKeys();
      const sid = w.provider.sidOf("alice");
      genuine = await w.postLogout({ sub: "alice", sid });
    });
    expect(genuine?.status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
    expect(w.provider.jwksFetches() - before).toBeLessThanOrEqual(FETCHES);
  });
});

test("who knows many live logins causes few fetches for all of them", async () => {
  takeClock();
  w = await logoutWorld({ kit });
  const users = Array.from({ length: 30 }, (_, number) => `user ${number}`);
  for (const user of users) await w.signIn(user, createTestBrowser());
  const before = w.provider.jwksFetches();
  let turn = 0;
  await flood(300, undefined, () => ({ sub: users[turn++ % users.length] }));
  // Four for anybody, eight for live logins.
  expect(w.provider.jwksFetches() - before).toBeLessThanOrEqual(12);
});

describe("with no keys known yet", () => {
  test("a flood makes the provider's keys known, and a valid token has its effect", async () => {
    w = await logoutWorld({ kit });
    const { statuses } = await flood(200);
    expect(["400", "429"]).toEqual(
      expect.arrayContaining(Object.keys(statuses)),
    );
    expect(w.provider.jwksFetches()).toBeLessThanOrEqual(FETCHES);
    expect((await w.postLogout({ sub: "alice" })).status).toBe(200);
  });

  test("and the provider's keys away, a flood asks for them 6 times at the most, and no token is called invalid", async () => {
    w = await logoutWorld({ kit, misbehave: jwksDown });
    const startedAt = performance.now();
    const { statuses, retryAfter } = await flood(FLOOD / 2);
    console.info(
      `no keys: ${w.provider.jwksFetches()} fetches, ${JSON.stringify(statuses)}`,
    );
    expect(w.provider.jwksFetches()).toBeLessThanOrEqual(
      allowed(startedAt, 5_000),
    );
    expect(["429", "503"]).toEqual(
      expect.arrayContaining(Object.keys(statuses)),
    );
    expect(retryAfter).not.toContain(undefined);
  });

  test("and the provider's keys away, a valid token is accepted soon after they are back", async () => {
    takeClock();
    w = await logoutWorld({ kit, misbehave: jwksDown });
    await flood(200);
    w.provider.misbehave = {};
    passSeconds(5);
    expect((await w.postLogout({ sub: "alice" })).status).toBe(200);
  });

  test.each<[string, Misbehaviour]>([
    ["503", jwksDown],
    [
      "404",
      {
        intercept: (req, res, next) => {
          if (req.path === "/jwks") res.status(404).end();
          else next();
        },
      },
    ],
    [
      "a page about maintenance",
      {
        intercept: (req, res, next) => {
          if (req.path === "/jwks") res.send("<h1>Back soon</h1>");
          else next();
        },
      },
    ],
    [
      "no keys at all",
      {
        intercept: (req, res, next) => {
          if (req.path === "/jwks") res.json({});
          else next();
        },
      },
    ],
    [
      "a broken connection",
      {
        intercept: (req, res, next) => {
          if (req.path === "/jwks") res.destroy();
          else next();
        },
      },
    ],
  ])(
    "and %s where they should be, a valid token is answered 503, not 400, for it may come again",
    async (_what, misbehave) => {
      takeClock();
      w = await logoutWorld({ kit, misbehave });
      const token = w.provider.logoutToken({ sub: "alice" });
      const refusal = await w.postToken(token);
      expect(refusal.status).toBe(503);
      w.provider.misbehave = {};
      passSeconds(Number(refusal.headers.get("retry-after")));
      expect((await w.postToken(token)).status).toBe(200);
    },
  );
});

describe("50 valid logout tokens at once all have their effect", () => {
  /** As far away as providers are. */
  const misbehave: Misbehaviour = {
    intercept: (req, _res, next) => {
      setTimeout(next, req.path === "/jwks" ? 100 : 0);
    },
  };

  async function statusesOfMany(): Promise<readonly number[]> {
    const tokens = Array.from({ length: 50 }, (_, user) =>
      w.provider.logoutToken({ sub: `user ${user}` }),
    );
    const answers = await Promise.all(tokens.map((one) => w.postToken(one)));
    return [...new Set(answers.map(({ status }) => status))];
  }

  test("with no keys known yet, for one fetch of them", async () => {
    w = await logoutWorld({ kit, misbehave });
    expect(await statusesOfMany()).toEqual([200]);
    expect(w.provider.jwksFetches()).toBe(1);
  });

  test("after the provider's keys changed, for few fetches of them", async () => {
    w = await logoutWorld({ kit, misbehave, signedInAs: "alice" });
    const before = w.provider.jwksFetches();
    await w.provider.rotateKeys();
    expect(await statusesOfMany()).toEqual([200]);
    expect(w.provider.jwksFetches() - before).toBeLessThanOrEqual(FETCHES);
  });
});

/** Bytes, after a collection. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function kilobytes(bytes: number): number {
  return Math.round(bytes / 1024);
}
