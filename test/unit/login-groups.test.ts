/** Login groups: who ends together, under which names, and which tokens a logout is newer than. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import {
  groupName,
  groupsOf,
  isOlderThan,
} from "../../lib/stores/login-groups.js";
import type {
  Identity,
  LoginGroup,
  LogoutMark,
  TokenOrigin,
} from "../../lib/stores/login-store.js";

const ISSUER = "https://op.example";

const user: LoginGroup = {
  provider: "default",
  issuer: ISSUER,
  subject: "alice",
};
const providerSession: LoginGroup = {
  provider: "default",
  issuer: ISSUER,
  providerSessionId: "s1",
};

describe("the groups of a login", () => {
  test("are its user's and its provider session's, the user's first", () => {
    expect(groupsOf(identity({ providerSessionId: "s1" }))).toEqual([
      user,
      providerSession,
    ]);
  });

  test("without sid are its user's, and those of the user without sid", () => {
    expect(groupsOf(identity({ providerSessionId: undefined }))).toEqual([
      user,
      { provider: "default", issuer: ISSUER, subjectWithoutSession: "alice" },
    ]);
  });

  test("an empty sid is a sid", () => {
    expect(groupsOf(identity({ providerSessionId: "" }))).toEqual([
      user,
      { provider: "default", issuer: ISSUER, providerSessionId: "" },
    ]);
  });

  // Shows: ASVS 10.5.2
  test("CORE-36, CORE-37: no claim but iss and sub has a say in whose it is", () => {
    const [mine] = groupsOf(identity({}));
    const [other] = groupsOf({
      ...identity({ providerSessionId: "s2" }),
      claims: {
        iss: ISSUER,
        sub: "alice",
        name: "Bob",
        email: "bob@op.example",
        preferred_username: "bob",
      },
    });
    expect(groupName(other)).toBe(groupName(mine));
  });
});

describe("the name of a group", () => {
  test("has one length and one alphabet, whatever the user is called", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: "binary" }), (value) => {
        expect(
          groupName({ provider: "default", issuer: ISSUER, subject: value }),
        ).toMatch(/^user\.[\w-]{22}$/);
        expect(
          groupName({
            provider: "default",
            issuer: ISSUER,
            providerSessionId: value,
          }),
        ).toMatch(/^sid\.[\w-]{22}$/);
        expect(
          groupName({
            provider: "default",
            issuer: ISSUER,
            subjectWithoutSession: value,
          }),
        ).toMatch(/^no-sid\.[\w-]{22}$/);
      }),
    );
  });

  test.each([
    ["a user", { provider: "default", issuer: ISSUER, subject: "alice" }],
    [
      "a provider session",
      { provider: "default", issuer: ISSUER, providerSessionId: "alice" },
    ],
    [
      "no session",
      { provider: "default", issuer: ISSUER, subjectWithoutSession: "alice" },
    ],
  ])("tells nobody who it is: of %s", (_what, group) => {
    const name = groupName(group);
    expect(name).not.toContain("alice");
    expect(name).not.toContain("op.example");
    expect(name).not.toContain(Buffer.from("alice").toString("base64url"));
  });

  test("is the same every time", () => {
    expect(groupName({ ...user })).toBe(groupName(user));
  });

  test("is another one for another user", () => {
    expect(
      groupName({ provider: "default", issuer: ISSUER, subject: "bob" }),
    ).not.toBe(groupName(user));
  });

  test("CORE-51: is another one for a sub that only looks the same", () => {
    const names = ["Zoë", "Zoe\u0308", "zoë", "Zoë "].map((subject) =>
      groupName({ provider: "default", issuer: ISSUER, subject }),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test("CORE-36, ASVS 6.8.1: is another one for the same sub of another issuer", () => {
    expect(
      groupName({
        provider: "default",
        issuer: "https://other.example",
        subject: "alice",
      }),
    ).not.toBe(groupName(user));
  });

  test("BCL-14: is another one for the same sid of another issuer", () => {
    expect(
      groupName({
        provider: "default",
        issuer: "https://other.example",
        providerSessionId: "s1",
      }),
    ).not.toBe(groupName(providerSession));
  });

  test("is another one for a sid that is spelled like a sub, and for a user without sid", () => {
    const groups: LoginGroup[] = [
      { provider: "default", issuer: ISSUER, subject: "same" },
      { provider: "default", issuer: ISSUER, providerSessionId: "same" },
      { provider: "default", issuer: ISSUER, subjectWithoutSession: "same" },
    ];
    // Beyond the word in front, which a reader might cut off.
    const hashes = groups.map((group) => groupName(group).split(".")[1]);
    expect(new Set(hashes).size).toBe(3);
  });

  test.each([
    [
      {
        provider: "default",
        issuer: "https://op.example",
        subject: '","alice',
      },
      {
        provider: "default",
        issuer: 'https://op.example","',
        subject: "alice",
      },
    ],
    [
      {
        provider: "default",
        issuer: "https://op.example",
        subject: 'x","alice',
      },
      {
        provider: "default",
        issuer: 'https://op.example","x',
        subject: "alice",
      },
    ],
    [
      { provider: "default", issuer: "https://op.example", subject: 'alice"]' },
      { provider: "default", issuer: "https://op.example", subject: "alice" },
    ],
    [
      { provider: "default", issuer: "https://op.example", subject: "a\\" },
      { provider: "default", issuer: "https://op.example", subject: 'a\\"' },
    ],
    [
      { provider: "default", issuer: "https://op.example/a", subject: "lice" },
      { provider: "default", issuer: "https://op.example/", subject: "alice" },
    ],
    [
      { provider: "default", issuer: "https://op.example,alice", subject: "" },
      { provider: "default", issuer: "https://op.example", subject: "alice" },
    ],
  ])(
    "is another one for a sub that is crafted to look like another JSON: %j",
    (one, other) => {
      expect(groupName(one)).not.toBe(groupName(other));
    },
  );

  test("is shared by no two groups", () => {
    const text = fc.string({
      maxLength: 8,
      unit: fc.constantFrom('"', ",", "[", "]", "\\", "a"),
    });
    const group = fc.oneof(
      fc.record({ provider: text, issuer: text, subject: text }),
      fc.record({ provider: text, issuer: text, providerSessionId: text }),
      fc.record({ provider: text, issuer: text, subjectWithoutSession: text }),
    );
    fc.assert(
      fc.property(group, group, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(groupName(one)).not.toBe(groupName(other));
      }),
      { numRuns: 2000 },
    );
  });
});

/** The second in which the provider says that the logout happened, by its clock. */
const LOGOUT = 1_800_000_000_000;
/** When it came, by our clock. */
const CAME = LOGOUT + 400;

describe("tokens are older than a logout of their user", () => {
  test("when the provider made them in an earlier second", () => {
    expect(ofUser({ issuedAt: LOGOUT }, { issuedAt: LOGOUT - 1000 })).toBe(
      true,
    );
  });

  test("when the provider made them earlier by its own clock, though ours is behind", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME + 60_000, issuedAt: LOGOUT - 1000 },
      ),
    ).toBe(true);
  });

  test("when they were asked for before it came, in the same second of the provider", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME - 1, issuedAt: LOGOUT },
      ),
    ).toBe(true);
  });

  test("when they were asked for in the millisecond in which it came", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME, issuedAt: LOGOUT },
      ),
    ).toBe(true);
  });

  test("when they were asked for before it came, though the provider took its time to make them", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME - 1, issuedAt: LOGOUT + 5000 },
      ),
    ).toBe(true);
  });

  test("when it is our own logout and they were asked for before it", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: undefined },
        { requestedAt: CAME - 1, issuedAt: LOGOUT + 60_000 },
      ),
    ).toBe(true);
  });
});

describe("tokens are newer than a logout of their user", () => {
  test("when they were asked for after it came, in the same second of the provider", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME + 1, issuedAt: LOGOUT },
      ),
    ).toBe(false);
  });

  test("when they were asked for after it came, in a later second of the provider", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME + 1, issuedAt: LOGOUT + 1000 },
      ),
    ).toBe(false);
  });

  test("when it is our own logout and they were asked for after it, whatever the provider's clock says", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: undefined },
        { requestedAt: CAME + 1, issuedAt: LOGOUT - 60_000 },
      ),
    ).toBe(false);
  });

  test("though they rest on an authentication before it: the user may sign in again without a password", () => {
    expect(
      ofUser(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME + 1000, issuedAt: LOGOUT + 1000 },
        LOGOUT - 60_000,
      ),
    ).toBe(false);
  });
});

describe("BCL-23: tokens of a session at the provider that was ended", () => {
  const later = { requestedAt: CAME + 5000, issuedAt: LOGOUT + 5000 };

  test.each([
    ["in an earlier second", LOGOUT - 1000],
    ["in the same second", LOGOUT],
  ])(
    "are older, though made later, when the user authenticated %s",
    (_when, authenticatedAt) => {
      expect(ofSession({ issuedAt: LOGOUT }, later, authenticatedAt)).toBe(
        true,
      );
    },
  );

  test.each([
    ["are older", "a minute", 60_000, true],
    ["are newer", "more than a minute", 60_001, false],
  ])(
    "%s when they were asked for %s later: so long a code from before may be on its way",
    (_which, _when, milliseconds, older) => {
      expect(
        ofSession(
          { at: CAME, issuedAt: LOGOUT },
          {
            requestedAt: CAME + milliseconds,
            issuedAt: LOGOUT + milliseconds,
          },
          LOGOUT - 1000,
        ),
      ).toBe(older);
    },
  );

  test("are newer when the user has authenticated since", () => {
    expect(ofSession({ issuedAt: LOGOUT }, later, LOGOUT + 1000)).toBe(false);
  });

  test("are older when they were asked for before, whenever the user authenticated", () => {
    expect(
      ofSession(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME - 1, issuedAt: LOGOUT + 1000 },
        LOGOUT + 1000,
      ),
    ).toBe(true);
  });

  test("without auth_time are as old as themselves: newer in a later second", () => {
    expect(ofSession({ issuedAt: LOGOUT }, later, undefined)).toBe(false);
  });

  test("without auth_time are as old as themselves: older in the same second", () => {
    expect(
      ofSession(
        { at: CAME, issuedAt: LOGOUT },
        { requestedAt: CAME + 1, issuedAt: LOGOUT },
        undefined,
      ),
    ).toBe(true);
  });

  test("are judged by our clock when the logout is our own", () => {
    const own = { at: CAME, issuedAt: undefined };
    const before = { requestedAt: CAME - 1, issuedAt: LOGOUT };
    const after = { requestedAt: CAME + 1, issuedAt: LOGOUT };
    expect(ofSession(own, before, LOGOUT - 60_000)).toBe(true);
    expect(ofSession(own, after, LOGOUT - 60_000)).toBe(false);
  });
});

test("once newer, tokens do not become older by being asked for or made later", () => {
  const time = fc
    .integer({ min: 0, max: 20 })
    .map((step) => LOGOUT + step * 250);
  const mark = fc.record({
    at: time,
    issuedAt: fc.option(time, { nil: undefined }),
  });
  const origin = fc.record({ requestedAt: time, issuedAt: time });
  const authenticatedAt = fc.option(time, { nil: undefined });
  fc.assert(
    fc.property(
      fc.constantFrom(user, providerSession),
      mark,
      origin,
      origin,
      authenticatedAt,
      (group, logout, one, more, authTime) => {
        const who = identity({ authenticatedAt: authTime });
        fc.pre(!isOlderThan(logout, group, one, who));
        const later = {
          requestedAt: Math.max(one.requestedAt, more.requestedAt),
          issuedAt: Math.max(one.issuedAt, more.issuedAt),
        };
        expect(isOlderThan(logout, group, later, who)).toBe(false);
      },
    ),
  );
});

function ofUser(
  mark: Partial<LogoutMark>,
  origin: Partial<TokenOrigin>,
  authenticatedAt?: number,
): boolean {
  return judged(user, mark, origin, authenticatedAt);
}

function ofSession(
  mark: Partial<LogoutMark>,
  origin: Partial<TokenOrigin>,
  authenticatedAt: number | undefined,
): boolean {
  return judged(providerSession, mark, origin, authenticatedAt);
}

/** Where a test says nothing, nothing speaks for the tokens being older. */
function judged(
  group: LoginGroup,
  mark: Partial<LogoutMark>,
  origin: Partial<TokenOrigin>,
  authenticatedAt: number | undefined,
): boolean {
  return isOlderThan(
    { at: CAME, issuedAt: LOGOUT, ...mark },
    group,
    { requestedAt: CAME + 1000, issuedAt: LOGOUT + 1000, ...origin },
    identity({ authenticatedAt }),
  );
}

function identity(change: Partial<Identity>): Identity {
  return {
    provider: "default",
    claims: { iss: ISSUER, sub: "alice" },
    providerSessionId: "s1",
    authenticatedAt: undefined,
    acr: undefined,
    sessionState: undefined,
    ...change,
  };
}
