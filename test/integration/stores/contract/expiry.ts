/** The contract of login stores: what has a lifetime is forgotten in time. */
import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { Secret } from "../../../../lib/base/secret.js";
import { groupName } from "../../../../lib/stores/login-groups.js";
import { createLogin } from "../../../support/create-login.js";
import { until } from "../../../support/until.js";
import {
  type StoreUnderTest,
  MINUTE,
  OWNER,
  takeFrom,
  signIn,
  type User,
  type Session,
  aUser,
  aSession,
  aToken,
  transaction,
  loginRecord,
  origin,
  tokenSet,
} from "./subjects.js";

/** Runs the part of the suite that has to wait, for all stores at once. */
export function theyForgetInTime(
  stores: Readonly<Record<string, () => Promise<StoreUnderTest>>>,
): void {
  const opened: StoreUnderTest[] = [];
  const planted = new Map<string, Planted>();
  const plantedIn = (name: string): Planted => {
    const found = planted.get(name);
    if (found === undefined) throw new Error(`${name} is not open`);
    return found;
  };

  // Not before the whole file's tests: what lasts has a minute to be found.
  describe("a second later", () => {
    beforeAll(async () => {
      await Promise.all(
        Object.entries(stores).map(async ([name, open]) => {
          const subject = await open();
          opened.push(subject);
          planted.set(name, await plant(subject));
          await subject.store.putClientToken(A_SECOND, aToken(), 1);
        }),
      );
      // What was stored later for as long has ended.
      for (const { store } of planted.values()) {
        await until("a second has passed", async () => {
          return (await store.readClientToken(A_SECOND)) === undefined;
        });
      }
    });

    afterAll(async () => {
      for (const { close } of opened) await close();
    });

    describe.each(Object.keys(stores))("%s forgets in time", (name) => {
      test("a transaction", async () => {
        const { store, expiring } = plantedIn(name);
        const taken = takeFrom(store, expiring);
        await expect(taken).resolves.toBeUndefined();
      });

      test("a parked response", async () => {
        const { store, expiring } = plantedIn(name);
        const taken = store.takeResponse(expiring);
        await expect(taken).resolves.toBeUndefined();
      });

      test("a login, though it was used and refreshed", async () => {
        const { store, expiring } = plantedIn(name);
        await expect(store.readLogin(expiring)).resolves.toBeUndefined();
        await expect(store.readTokens(expiring)).resolves.toBeUndefined();
        await expect(store.endLogin(expiring)).resolves.toBeUndefined();
      });

      test("that a login of a user was there", async () => {
        const { store, keysWith, shortlived } = plantedIn(name);
        const { user, session } = shortlived;
        for (const group of [user.group, session.group]) {
          // What is over may be listed, but is not kept.
          await expect(keysWith(groupName(group))).resolves.toEqual([]);
        }
        await expect(
          createLogin(
            store,
            randomUUID(),
            user.login({ session }),
            tokenSet("1"),
            origin(),
          ),
        ).resolves.toBe(1);
      });

      test("the logins of a user one by one", async () => {
        const { store, mixed } = plantedIn(name);
        const newest = randomUUID();
        await expect(
          createLogin(
            store,
            newest,
            mixed.user.login({ session: mixed.session }),
            tokenSet("1"),
            origin(),
          ),
        ).resolves.toBe(2);
        for (const { group } of [mixed.user, mixed.session]) {
          const listed = await store.loginsOf(group);
          expect([...listed].sort()).toEqual([mixed.long, newest].sort());
        }
      });

      test("a logout", async () => {
        const { store, loggedOut } = plantedIn(name);
        await expect(
          createLogin(
            store,
            randomUUID(),
            loggedOut.briefly.login(),
            tokenSet("1"),
            origin(loggedOut.at - 1),
          ),
        ).resolves.toBe(1);
      });

      test("but not a logout that is to be remembered longer", async () => {
        const { store, loggedOut } = plantedIn(name);
        await expect(
          createLogin(
            store,
            randomUUID(),
            loggedOut.lastingly.login(),
            tokenSet("1"),
            origin(loggedOut.at - 1),
          ),
        ).resolves.toBeUndefined();
      });

      test("but not what has longer to live", async () => {
        const { store, lasting } = plantedIn(name);
        await expect(takeFrom(store, lasting)).resolves.toBeDefined();
        await expect(store.takeResponse(lasting)).resolves.toBeDefined();
        await expect(store.readLogin(lasting)).resolves.toBeDefined();
      });
    });
  });
}

/** Names a token that lasts for a second. */
const A_SECOND = randomUUID();

interface Planted extends StoreUnderTest {
  readonly expiring: string;
  readonly lasting: string;
  /** A user whose one login is over. */
  readonly shortlived: { readonly user: User; readonly session: Session };
  /** A user with a login that is not over between two that are. */
  readonly mixed: {
    readonly user: User;
    readonly session: Session;
    readonly long: string;
  };
  readonly loggedOut: {
    readonly at: number;
    readonly briefly: User;
    readonly lastingly: User;
  };
}

async function plant(subject: StoreUnderTest): Promise<Planted> {
  const { store } = subject;
  const [expiring, lasting] = [randomUUID(), randomUUID()];
  const now = Date.now();
  const inASecond = { ...loginRecord(), createdAt: now, endsAt: now + 1000 };
  await store.putTransaction(expiring, OWNER, transaction("v1"), 1);
  await store.putTransaction(lasting, OWNER, transaction("v1"), 60);
  await store.parkResponse(expiring, new Secret("code=a"), 1);
  await store.parkResponse(lasting, new Secret("code=a"), 60);
  await createLogin(store, expiring, inASecond, tokenSet("1"), origin());
  await createLogin(store, lasting, loginRecord(), tokenSet("1"), origin());
  await store.recordUse(expiring, Date.now(), inASecond.endsAt);
  await store.replaceTokens(expiring, 1, tokenSet("2"));

  const signInFor = (
    user: User,
    session: Session,
    milliseconds: number,
  ): Promise<string> =>
    signIn(store, user, { session, endsAt: Date.now() + milliseconds });
  const shortlived = { user: aUser(), session: aSession() };
  await signInFor(shortlived.user, shortlived.session, 1000);
  const [user, session] = [aUser(), aSession()];
  await signInFor(user, session, 1000);
  const long = await signInFor(user, session, MINUTE);
  await signInFor(user, session, 1000);
  const mixed = { user, session, long };

  const loggedOut = { at: now, briefly: aUser(), lastingly: aUser() };
  const marked = { at: now, issuedAt: undefined };
  await store.refuseLogins(loggedOut.briefly.group, marked, 1);
  await store.refuseLogins(loggedOut.lastingly.group, marked, 60);
  return { ...subject, expiring, lasting, shortlived, mixed, loggedOut };
}
