/** The contract of login stores: a login is made, used and ended. */
import { randomUUID } from "node:crypto";

import { describe, expect, test } from "@jest/globals";

import { Secret } from "../../../../lib/base/secret.js";
import type {
  LoginRecord,
  LoginStore,
  TokenSet,
} from "../../../../lib/stores/login-store.js";
import { createLogin } from "../../../support/create-login.js";
import {
  type StoreUnderTest,
  whenOpen,
  MINUTE,
  OWNER,
  takeFrom,
  liveKeysOf,
  aUser,
  mark,
  transaction,
  loginRecord,
  origin,
  STARTED,
  ENDS_AT,
  tokenSet,
  accessToken,
  plainTokens,
  times,
} from "./subjects.js";

/** Logins from their beginning to their end. */
export function itKeepsLogins(open: () => Promise<StoreUnderTest>): void {
  let subject: StoreUnderTest;
  let store: LoginStore;
  whenOpen(open, (opened) => {
    subject = opened;
    ({ store } = opened);
  });

  test("answers a ping", async () => {
    await expect(store.ping()).resolves.toBeUndefined();
  });

  describe("a login", () => {
    test("is not there before it was created", async () => {
      const id = randomUUID();
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.readTokens(id)).resolves.toBeUndefined();
    });

    test("comes back as it was, every time", async () => {
      const id = randomUUID();
      const login = loginRecord();
      await createLogin(store, id, login, tokenSet("1"), origin());
      await expect(store.readLogin(id)).resolves.toStrictEqual(login);
      await expect(store.readLogin(id)).resolves.toStrictEqual(login);
    });

    test("comes back as it was: who has read it cannot alter it for others", async () => {
      const id = randomUUID();
      const login = loginRecord();
      await createLogin(store, id, login, tokenSet("1"), origin());
      for (let round = 0; round < 3; round++) {
        const read = await store.readLogin(id);
        expect(read).toStrictEqual(login);
        const claims = read?.identity.claims as Record<string, unknown>;
        const { lines } = claims["address"] as { lines: string[] };
        expect(() => (claims["sub"] = "mallory")).toThrow(TypeError);
        expect(() => lines.push("altered")).toThrow(TypeError);
      }
    });

    test("comes back with the members that are undefined", async () => {
      const id = randomUUID();
      const login = loginRecord();
      const sparse: LoginRecord = {
        ...login,
        identity: {
          ...login.identity,
          providerSessionId: undefined,
          acr: undefined,
        },
      };
      await createLogin(store, id, sparse, tokenSet("1"), origin());
      await expect(store.readLogin(id)).resolves.toStrictEqual(sparse);
    });

    test("has its tokens, at revision 1", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      const stored = await store.readTokens(id);
      expect(stored?.revision).toBe(1);
      expect(plainTokens(stored?.tokens)).toStrictEqual(
        plainTokens(tokenSet("1")),
      );
    });

    test("may have no refresh token, and an access token without lifetime or scope", async () => {
      const id = randomUUID();
      const sparse: TokenSet = {
        idToken: new Secret("id token"),
        refreshToken: undefined,
        accessTokens: { "": accessToken("a", undefined, undefined) },
      };
      await createLogin(store, id, loginRecord(), sparse, origin());
      expect(plainTokens((await store.readTokens(id))?.tokens)).toStrictEqual(
        plainTokens(sparse),
      );
    });

    test("may have large tokens", async () => {
      const id = randomUUID();
      const large = tokenSet("é".repeat(50_000));
      await createLogin(store, id, loginRecord(), large, origin());
      expect(plainTokens((await store.readTokens(id))?.tokens)).toStrictEqual(
        plainTokens(large),
      );
    });

    test("is one of many: what happens to one happens to no other", async () => {
      const id = randomUUID();
      await createLogin(
        store,
        `${id}a`,
        loginRecord("alice"),
        tokenSet("a"),
        origin(),
      );
      await createLogin(
        store,
        `${id}b`,
        loginRecord("bob"),
        tokenSet("b"),
        origin(),
      );
      await store.replaceTokens(`${id}a`, 1, tokenSet("a2"));
      await store.recordUse(`${id}a`, Date.now() + MINUTE, ENDS_AT);
      await store.endLogin(`${id}a`);
      expect(await store.readLogin(`${id}b`)).toMatchObject({
        identity: { claims: { sub: "bob" } },
        seenAt: loginRecord().seenAt,
      });
      const stored = await store.readTokens(`${id}b`);
      expect(stored?.revision).toBe(1);
      expect(stored?.tokens.refreshToken?.reveal()).toBe("refresh b");
    });

    test("does not share its key with a transaction or a parked response", async () => {
      const key = randomUUID();
      await store.putTransaction(key, OWNER, transaction("v1"), 60);
      await store.parkResponse(key, new Secret("code=a"), 60);
      await createLogin(store, key, loginRecord(), tokenSet("1"), origin());
      await store.endLogin(key);
      await expect(takeFrom(store, key)).resolves.toBeDefined();
      await expect(store.takeResponse(key)).resolves.toBeDefined();
    });
  });

  describe("a login that is being made", () => {
    test("is no login to whoever reads it, and is not listed", async () => {
      const [id, user] = [randomUUID(), aUser()];
      const login = user.login();
      await expect(
        store.createLogin(id, login, tokenSet("1"), origin()),
      ).resolves.toBe(1);
      await store.recordUse(id, Date.now(), ENDS_AT);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.readTokens(id)).resolves.toBeUndefined();
      expect(store.recentTokens(id)).toBeUndefined();
      await expect(store.listLogins(user.group)).resolves.toEqual([]);
      await expect(store.loginsOf(user.group)).resolves.toEqual([id]);
    });

    test("becomes live once, however often it is asked for", async () => {
      const id = randomUUID();
      const login = { ...loginRecord(), seenAt: undefined };
      await store.createLogin(id, login, tokenSet("1"), origin());
      const activate = () => store.activateLogin(id, login);
      await expect(activate()).resolves.toBe(true);
      await expect(activate()).resolves.toBe(true);
      await expect(store.readLogin(id)).resolves.toStrictEqual(login);
      expect((await store.readTokens(id))?.revision).toBe(1);
      await store.recordUse(id, STARTED + MINUTE, ENDS_AT);
      await expect(activate()).resolves.toBe(true);
      expect((await store.readLogin(id))?.seenAt).toBe(STARTED + MINUTE);
    });

    test("gives its tokens to whoever ends it, and never becomes live then", async () => {
      const [id, user] = [randomUUID(), aUser()];
      const login = user.login();
      await store.createLogin(id, login, tokenSet("1"), origin());
      const ended = await store.endLogin(id);
      expect(ended?.revision).toBe(0);
      expect(ended?.tokens?.refreshToken?.reveal()).toBe("refresh 1");
      await expect(store.activateLogin(id, login)).resolves.toBe(false);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.loginsOf(user.group)).resolves.toEqual([]);
    });

    test("does not come about when a logout came before that its tokens are older than", async () => {
      const [id, user] = [randomUUID(), aUser()];
      const login = user.login();
      const when = origin();
      await store.refuseLogins(user.group, { ...mark(), at: Date.now() }, 60);
      await expect(
        store.createLogin(id, login, tokenSet("1"), when),
      ).resolves.toBeUndefined();
      await expect(store.activateLogin(id, login)).resolves.toBe(false);
      await expect(store.endLogin(id)).resolves.toBeUndefined();
      await expect(liveKeysOf(subject, id)).resolves.toEqual([]);
    });

    test("is told to a logout that comes later, which ends it", async () => {
      const [id, user] = [randomUUID(), aUser()];
      const login = user.login();
      await store.createLogin(id, login, tokenSet("1"), origin());
      const ids = await store.refuseLogins(user.group, mark(), 60);
      expect(ids).toEqual([id]);
      await store.endLogin(id);
      await expect(store.activateLogin(id, login)).resolves.toBe(false);
    });
  });

  describe("the use of a login", () => {
    test("is noted, and changes nothing else", async () => {
      const id = randomUUID();
      const login = loginRecord();
      await createLogin(store, id, login, tokenSet("1"), origin());
      await store.recordUse(id, login.seenAt + MINUTE, ENDS_AT);
      await expect(store.readLogin(id)).resolves.toStrictEqual({
        ...login,
        seenAt: login.seenAt + MINUTE,
      });
      expect((await store.readTokens(id))?.revision).toBe(1);
    });

    test("does not bring an ended login back", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.endLogin(id);
      await store.recordUse(id, Date.now(), ENDS_AT);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(liveKeysOf(subject, id)).resolves.toEqual([]);
    });

    test("does not make a login that never was", async () => {
      const id = randomUUID();
      await store.recordUse(id, Date.now(), ENDS_AT);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(subject.keysWith(id)).resolves.toEqual([]);
    });
  });

  describe("the end of a login", () => {
    test("takes everything of it away", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.endLogin(id);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.readTokens(id)).resolves.toBeUndefined();
      await expect(liveKeysOf(subject, id)).resolves.toEqual([]);
    });

    test("says whether there was one", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await expect(store.endLogin(id)).resolves.toMatchObject({ id });
      await expect(store.endLogin(id)).resolves.toBeUndefined();
      await expect(store.endLogin(randomUUID())).resolves.toBeUndefined();
    });

    test("is told to one, though twenty end it at the same time", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      const answers = await times(20, () => store.endLogin(id));
      expect(answers.filter(Boolean)).toHaveLength(1);
    });

    test("is told again to the one who ended it, and to nobody else", async () => {
      const { elsewhere = store } = subject;
      const id = randomUUID();
      const login = loginRecord();
      await createLogin(store, id, login, tokenSet("1"), origin());
      await store.endLogin(id, "ender");
      for (const asked of [store, elsewhere]) {
        const again = await asked.endLogin(id, "ender");
        expect(again).toMatchObject({ id, record: login, revision: 1 });
        expect(plainTokens(again?.tokens)).toStrictEqual(
          plainTokens(tokenSet("1")),
        );
        await expect(asked.endLogin(id, "another")).resolves.toBeUndefined();
        await expect(asked.endLogin(id)).resolves.toBeUndefined();
      }
    });

    test("at a revision is told again to the one who ended it, and to nobody else", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.endLoginAt(id, 1, "ender");
      await expect(store.endLoginAt(id, 1, "ender")).resolves.toMatchObject({
        id,
      });
      await expect(store.endLoginAt(id, 1, "another")).resolves.toBeUndefined();
    });

    test("leaves for whoever asks what the login was", async () => {
      const { elsewhere = store } = subject;
      const id = randomUUID();
      const login = loginRecord();
      await createLogin(store, id, login, tokenSet("1"), origin());
      await expect(store.remainsOf(id)).resolves.toBeUndefined();
      await store.endLogin(id);
      const remains = await elsewhere.remainsOf(id);
      expect(remains).toMatchObject({ id, record: login, revision: 1 });
      expect(plainTokens(remains?.tokens)).toStrictEqual(
        plainTokens(tokenSet("1")),
      );
    });

    test("is told to one, and what remains is no login, whatever else is asked", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.endLogin(id, "ender");
      await store.recordUse(id, Date.now(), ENDS_AT);
      await store.takeLock(id, "refresher", 5000);
      await store.keepLock(id, "refresher", 5000);
      await expect(store.replaceTokens(id, 1, tokenSet("2"))).resolves.toBe(
        "ended",
      );
      await store.releaseLock(id, "refresher");
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.readTokens(id)).resolves.toBeUndefined();
      expect(store.recentTokens(id)).toBeUndefined();
      await expect(liveKeysOf(subject, id)).resolves.toEqual([]);
      const again = await store.endLogin(id, "ender");
      expect(again?.tokens?.refreshToken?.reveal()).toBe("refresh 1");
    });

    test("holds against uses and refreshes that happen meanwhile", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await Promise.all([
        times(10, (index) => store.recordUse(id, Date.now() + index, ENDS_AT)),
        store.endLogin(id),
        times(10, () => store.replaceTokens(id, 1, tokenSet("2"))),
        times(10, (index) => store.recordUse(id, Date.now() + index, ENDS_AT)),
      ]);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(liveKeysOf(subject, id)).resolves.toEqual([]);
    });

    test("hands out what it was: the tokens as last replaced, the use as last noted", async () => {
      const id = randomUUID();
      const login = loginRecord();
      await createLogin(store, id, login, tokenSet("1"), origin());
      await store.replaceTokens(id, 1, tokenSet("2"));
      await store.replaceTokens(id, 2, tokenSet("3"));
      await store.recordUse(id, login.seenAt + MINUTE, ENDS_AT);
      const ended = await store.endLogin(id);
      expect(ended?.id).toBe(id);
      expect(ended?.record).toStrictEqual({
        ...login,
        seenAt: login.seenAt + MINUTE,
      });
      expect(plainTokens(ended?.tokens)).toStrictEqual(
        plainTokens(tokenSet("3")),
      );
    });

    test("at a revision hands out what it was as well", async () => {
      const id = randomUUID();
      const login = loginRecord();
      await createLogin(store, id, login, tokenSet("1"), origin());
      await store.replaceTokens(id, 1, tokenSet("2"));
      const ended = await store.endLoginAt(id, 2);
      expect(ended?.record).toStrictEqual(login);
      expect(plainTokens(ended?.tokens)).toStrictEqual(
        plainTokens(tokenSet("2")),
      );
    });
  });

  describe("the end of a login at a revision", () => {
    test("comes when nobody has replaced the tokens", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("v1"), origin());
      const revision = (await store.readTokens(id))?.revision ?? 0;
      await expect(store.endLoginAt(id, revision)).resolves.toBeDefined();
      await expect(store.readLogin(id)).resolves.toBeUndefined();
    });

    test("does not come when newer tokens are there", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("v1"), origin());
      const revision = (await store.readTokens(id))?.revision ?? 0;
      await store.replaceTokens(id, revision, tokenSet("v2"));
      await expect(store.endLoginAt(id, revision)).resolves.toBeUndefined();
      await expect(store.readLogin(id)).resolves.toBeDefined();
    });
  });
}
