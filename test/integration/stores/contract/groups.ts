/** The contract of login stores: logins that end together, and logouts that come while one is made. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { describe, expect, test } from "@jest/globals";

import { groupName } from "../../../../lib/stores/login-groups.js";
import type {
  LoginStore,
  LogoutMark,
  TokenOrigin,
} from "../../../../lib/stores/login-store.js";
import { createLogin } from "../../../support/create-login.js";
import {
  type StoreUnderTest,
  whenOpen,
  MINUTE,
  liveKeysOf,
  signIn,
  ISSUER,
  type Session,
  aUser,
  aSession,
  mark,
  origin,
  ENDS_AT,
  tokenSet,
  times,
} from "./subjects.js";

/** The logins of a user and of a session at the provider. */
export function itKeepsGroups(open: () => Promise<StoreUnderTest>): void {
  let subject: StoreUnderTest;
  let store: LoginStore;
  whenOpen(open, (opened) => {
    subject = opened;
    ({ store } = opened);
  });

  describe("the logins of a user", () => {
    test("are counted as they are created", async () => {
      const user = aUser();
      const create = (): Promise<number | undefined> =>
        createLogin(store, randomUUID(), user.login(), tokenSet("1"), origin());
      await expect(create()).resolves.toBe(1);
      await expect(create()).resolves.toBe(2);
      const ended = randomUUID();
      await createLogin(store, ended, user.login(), tokenSet("1"), origin());
      await store.endLogin(ended);
      await expect(create()).resolves.toBe(3);
    });

    test("are listed, and nobody else's", async () => {
      const [user, other] = [aUser(), aUser()];
      const ids = [await signIn(store, user), await signIn(store, user)];
      await signIn(store, other);
      const listed = await store.loginsOf(user.group);
      expect([...listed].sort()).toEqual([...ids].sort());
    });

    test("are listed with the one that ends first first", async () => {
      const user = aUser();
      const now = Date.now();
      const last = await signIn(store, user, { endsAt: now + 3 * MINUTE });
      const first = await signIn(store, user, { endsAt: now + MINUTE });
      const second = await signIn(store, user, { endsAt: now + 2 * MINUTE });
      await expect(store.loginsOf(user.group)).resolves.toEqual([
        first,
        second,
        last,
      ]);
    });

    test("are none before the first", async () => {
      await expect(store.loginsOf(aUser().group)).resolves.toEqual([]);
    });

    test("CORE-36: are apart from those of the same sub at another issuer", async () => {
      const user = aUser();
      const namesake = { ...user, issuer: "https://other.example" };
      const mine = await signIn(store, user);
      const other = await signIn(store, namesake);
      await expect(store.loginsOf(user.group)).resolves.toEqual([mine]);
      await expect(
        store.loginsOf({
          provider: "default",
          issuer: namesake.issuer,
          subject: user.subject,
        }),
      ).resolves.toEqual([other]);
    });

    test("are not lost by uses and refreshes", async () => {
      const user = aUser();
      const id = await signIn(store, user);
      await store.recordUse(id, Date.now() + MINUTE, ENDS_AT);
      await store.replaceTokens(id, 1, tokenSet("2"));
      await expect(store.loginsOf(user.group)).resolves.toEqual([id]);
    });

    test("are all there, though twenty are created at the same time", async () => {
      const user = aUser();
      const ids = await times(20, () => signIn(store, user));
      const listed = await store.loginsOf(user.group);
      expect([...listed].sort()).toEqual([...ids].sort());
    });
  });

  describe("the logins of a session at the provider", () => {
    test("are listed, and not the user's others", async () => {
      const user = aUser();
      const [one, other] = [aSession(), aSession()];
      const id = await signIn(store, user, { session: one });
      await signIn(store, user, { session: other });
      await signIn(store, user);
      await expect(store.loginsOf(one.group)).resolves.toEqual([id]);
    });

    test("BCL-14: are apart from those of the same sid at another issuer", async () => {
      const session = aSession();
      const user = aUser();
      await signIn(
        store,
        { ...user, issuer: "https://other.example" },
        { session },
      );
      await expect(store.loginsOf(session.group)).resolves.toEqual([]);
    });

    test("are apart from those of a user who is called like it", async () => {
      const name = randomUUID();
      const id = await signIn(store, { ...aUser(), subject: name });
      await expect(
        store.loginsOf({
          provider: "default",
          issuer: ISSUER,
          providerSessionId: name,
        }),
      ).resolves.toEqual([]);
      await expect(
        store.loginsOf({ provider: "default", issuer: ISSUER, subject: name }),
      ).resolves.toEqual([id]);
    });
  });

  describe("a login that ended", () => {
    test("is among neither its user's nor its provider session's any more", async () => {
      const [user, session] = [aUser(), aSession()];
      const ended = await signIn(store, user, { session });
      const alive = await signIn(store, user, { session });
      await store.endLogin(ended);
      await expect(store.loginsOf(user.group)).resolves.toEqual([alive]);
      await expect(store.loginsOf(session.group)).resolves.toEqual([alive]);
    });

    test("leaves no key behind when it was the last of its groups", async () => {
      const [user, session] = [aUser(), aSession()];
      const ids = [
        await signIn(store, user, { session }),
        await signIn(store, user, { session }),
      ];
      for (const id of ids) await store.endLogin(id);
      for (const group of [user.group, session.group]) {
        await expect(subject.keysWith(groupName(group))).resolves.toEqual([]);
      }
    });

    test("leaves its groups also when it ended at a revision", async () => {
      const [user, session] = [aUser(), aSession()];
      const id = await signIn(store, user, { session });
      await store.endLoginAt(id, 1);
      await expect(store.loginsOf(user.group)).resolves.toEqual([]);
      await expect(store.loginsOf(session.group)).resolves.toEqual([]);
    });
  });

  describe("a login without sid", () => {
    test("is among its user's and among the user's without sid, and in no provider session", async () => {
      const before = await subject.keysWith("{sid.");
      const user = aUser();
      const id = await signIn(store, user);
      await expect(store.loginsOf(user.group)).resolves.toEqual([id]);
      await expect(store.loginsOf(user.withoutSession)).resolves.toEqual([id]);
      for (const providerSessionId of ["", "undefined", "null"]) {
        await expect(
          store.loginsOf({
            provider: "default",
            issuer: ISSUER,
            providerSessionId,
          }),
        ).resolves.toEqual([]);
      }
      const after = await subject.keysWith("{sid.");
      expect(after.filter((key) => !before.includes(key))).toEqual([]);
    });

    test("is not mixed up with one that has a sid", async () => {
      const user = aUser();
      await signIn(store, user, { session: aSession() });
      await expect(store.loginsOf(user.withoutSession)).resolves.toEqual([]);
    });

    test("leaves nothing behind when it ended", async () => {
      const user = aUser();
      await store.endLogin(await signIn(store, user));
      for (const group of [user.group, user.withoutSession]) {
        await expect(store.loginsOf(group)).resolves.toEqual([]);
        await expect(subject.keysWith(groupName(group))).resolves.toEqual([]);
      }
    });

    test("can be refused without refusing the user's others", async () => {
      const user = aUser();
      const marked = mark();
      await store.refuseLogins(user.withoutSession, marked, 60);
      const create = (session?: Session): Promise<number | undefined> =>
        createLogin(
          store,
          randomUUID(),
          user.login({ ...(session && { session }) }),
          tokenSet("1"),
          origin(marked.at - 1),
        );
      await expect(create()).resolves.toBeUndefined();
      await expect(create(aSession())).resolves.toBe(1);
    });
  });

  describe("a logout of a group", () => {
    test("is told which logins there are", async () => {
      const [user, session] = [aUser(), aSession()];
      const ids = [
        await signIn(store, user),
        await signIn(store, user, { session }),
      ];
      const refused = await store.refuseLogins(user.group, mark(), 60);
      expect([...refused].sort()).toEqual([...ids].sort());
      await expect(
        store.refuseLogins(session.group, mark(), 60),
      ).resolves.toEqual([ids[1]]);
    });

    test("does not itself end those that are there", async () => {
      const user = aUser();
      const id = await signIn(store, user);
      await store.refuseLogins(user.group, mark(), 60);
      await expect(store.readLogin(id)).resolves.toBeDefined();
    });

    test.each<
      [string, (now: number) => LogoutMark, (now: number) => TokenOrigin]
    >([
      [
        "asked for before it, by our clock",
        (now) => ({ at: now, issuedAt: undefined }),
        (now) => ({ requestedAt: now - 1, issuedAt: now + MINUTE }),
      ],
      [
        "made before it, by the provider's clock",
        (now) => ({ at: now, issuedAt: now }),
        (now) => ({ requestedAt: now + MINUTE, issuedAt: now - 1000 }),
      ],
    ])("refuses a login whose tokens were %s", async (_when, marked, made) => {
      for (const kind of ["user", "session"] as const) {
        const [user, session] = [aUser(), aSession()];
        const { group } = kind === "user" ? user : session;
        const now = Date.now();
        await store.refuseLogins(group, marked(now), 60);
        await expect(
          createLogin(
            store,
            randomUUID(),
            user.login({ session, authenticatedAt: now + MINUTE }),
            tokenSet("1"),
            made(now),
          ),
        ).resolves.toBeUndefined();
      }
    });

    test("BCL-23: of a provider session refuses tokens that rest on the same authentication, though they are newer", async () => {
      const [user, session] = [aUser(), aSession()];
      const now = Date.now();
      await store.refuseLogins(session.group, { at: now, issuedAt: now }, 60);
      const create = (authenticatedAt: number): Promise<number | undefined> =>
        createLogin(
          store,
          randomUUID(),
          user.login({ session, authenticatedAt }),
          tokenSet("1"),
          origin(now + MINUTE / 2),
        );
      await expect(create(now - MINUTE)).resolves.toBeUndefined();
      await expect(create(now + 1000)).resolves.toBe(1);
    });

    test.each(["user", "session"] as const)(
      "of a %s leaves nothing of the login that it refuses",
      async (kind) => {
        const [user, session] = [aUser(), aSession()];
        const { group } = kind === "user" ? user : session;
        const marked = mark();
        await store.refuseLogins(group, marked, 60);
        const keysOfGroups = async (): Promise<string[]> =>
          (
            await Promise.all(
              [user.group, session.group].map((one) =>
                subject.keysWith(groupName(one)),
              ),
            )
          ).flat();
        const before = await keysOfGroups();

        const id = randomUUID();
        await createLogin(
          store,
          id,
          user.login({ session }),
          tokenSet("1"),
          origin(marked.at - 1),
        );
        await expect(store.readLogin(id)).resolves.toBeUndefined();
        await expect(store.readTokens(id)).resolves.toBeUndefined();
        await expect(store.loginsOf(user.group)).resolves.toEqual([]);
        await expect(store.loginsOf(session.group)).resolves.toEqual([]);
        await expect(liveKeysOf(subject, id)).resolves.toEqual([]);
        await expect(keysOfGroups()).resolves.toEqual(before);
      },
    );

    test("lets a login in whose tokens are newer", async () => {
      const [user, session] = [aUser(), aSession()];
      const marked = mark();
      await store.refuseLogins(user.group, marked, 60);
      await store.refuseLogins(session.group, marked, 60);
      const id = randomUUID();
      await expect(
        createLogin(
          store,
          id,
          user.login({ session, authenticatedAt: marked.at + 1000 }),
          tokenSet("1"),
          origin(marked.at + 1000),
        ),
      ).resolves.toBe(1);
      await expect(store.readLogin(id)).resolves.toBeDefined();
      await expect(store.loginsOf(session.group)).resolves.toEqual([id]);
    });

    test("is none of another user, and none of another provider session", async () => {
      const [user, session] = [aUser(), aSession()];
      const marked = mark();
      await store.refuseLogins(user.group, marked, 60);
      await store.refuseLogins(session.group, marked, 60);
      await expect(
        createLogin(
          store,
          randomUUID(),
          aUser().login({ session: aSession() }),
          tokenSet("1"),
          origin(marked.at - 1),
        ),
      ).resolves.toBe(1);
    });

    test.each<[string, LogoutMark, LogoutMark, TokenOrigin]>([
      [
        "by our clock",
        { at: 2000, issuedAt: undefined },
        { at: 1000, issuedAt: undefined },
        { requestedAt: 1500, issuedAt: 9000 },
      ],
      [
        "by the provider's clock",
        { at: 1000, issuedAt: 3000 },
        { at: 1001, issuedAt: 2000 },
        { requestedAt: 5000, issuedAt: 2500 },
      ],
      [
        "by the provider's clock, when the other is our own",
        { at: 1000, issuedAt: 3000 },
        { at: 1001, issuedAt: undefined },
        { requestedAt: 5000, issuedAt: 2500 },
      ],
    ])(
      "is not forgotten for one that comes late, %s",
      async (_which, newer, late, between) => {
        const user = aUser();
        await store.refuseLogins(user.group, newer, 60);
        await store.refuseLogins(user.group, late, 60);
        await expect(
          createLogin(
            store,
            randomUUID(),
            user.login(),
            tokenSet("1"),
            between,
          ),
        ).resolves.toBeUndefined();
      },
    );

    test.each<[string, LogoutMark, LogoutMark, TokenOrigin]>([
      [
        "by our clock",
        { at: 1000, issuedAt: undefined },
        { at: 2000, issuedAt: undefined },
        { requestedAt: 1500, issuedAt: 9000 },
      ],
      [
        "by the provider's clock",
        { at: 1000, issuedAt: 2000 },
        { at: 1001, issuedAt: 3000 },
        { requestedAt: 5000, issuedAt: 2500 },
      ],
    ])(
      "gives way to a newer one, %s",
      async (_which, older, newer, between) => {
        const user = aUser();
        await store.refuseLogins(user.group, older, 60);
        await store.refuseLogins(user.group, newer, 60);
        await expect(
          createLogin(
            store,
            randomUUID(),
            user.login(),
            tokenSet("1"),
            between,
          ),
        ).resolves.toBeUndefined();
      },
    );

    test("BCL-23: leaves no login alive that is just being created, whichever is first", async () => {
      const { elsewhere = store } = subject;
      for (let round = 0; round < 100; round++) {
        const [user, session] = [aUser(), aSession()];
        const { group } = round % 2 === 0 ? user : session;
        const marked = mark();
        const id = randomUUID();
        const create = async (): Promise<unknown> =>
          createLogin(
            store,
            id,
            user.login({ session }),
            tokenSet("1"),
            origin(marked.at - 1),
          );
        const logOut = async (): Promise<unknown> => {
          const ids = await elsewhere.refuseLogins(group, marked, 60);
          return Promise.all(ids.map((one) => elsewhere.endLogin(one)));
        };
        await Promise.all(
          [create, logOut].map(async (act) => {
            await aMoment();
            return act();
          }),
        );
        expect(await store.readLogin(id)).toBeUndefined();
        expect(await store.readTokens(id)).toBeUndefined();
        expect(await store.loginsOf(user.group)).toEqual([]);
        expect(await store.loginsOf(session.group)).toEqual([]);
      }
    });
  });
}

/** Between nothing and a few milliseconds; often nothing. */
async function aMoment(): Promise<void> {
  const milliseconds = Math.floor(Math.random() * 4);
  if (milliseconds > 0) await pause(milliseconds - 1);
}
