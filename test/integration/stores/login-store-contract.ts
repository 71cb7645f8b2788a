/** What every login store has to do: one suite for all of them. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { groupName } from "../../../lib/stores/login-groups.js";
import type {
  EndWatcher,
  IssuedToken,
  LoginGroup,
  LoginRecord,
  LoginStore,
  LogoutMark,
  TokenOrigin,
  TokenSet,
  Transaction,
} from "../../../lib/stores/login-store.js";
import { Secret } from "../../../lib/base/secret.js";
import { createLogin } from "../../support/create-login.js";
import { until } from "../../support/until.js";

/** A store, with what the suite needs beside it. */
export interface StoreUnderTest {
  readonly store: LoginStore;
  /** The same store as another process sees it; undefined: no other process can. */
  readonly elsewhere: LoginStore | undefined;
  /** Whatever the store still keeps whose name holds this text. */
  readonly keysWith: (text: string) => Promise<string[]>;
  readonly close: () => Promise<void>;
}

const MINUTE = 60_000;

/** Who began the sign-ins of the suite. */
export const OWNER = "owner";

/** The transaction, if its owner is the first who comes. */
export async function takeFrom(
  store: LoginStore,
  key: string,
): Promise<Transaction | undefined> {
  const taken = await store.takeTransaction(key, OWNER, 60);
  return taken?.transaction;
}

/** Runs the suite; `open` is called once, before its first test. */
export function itIsALoginStore(open: () => Promise<StoreUnderTest>): void {
  let subject: StoreUnderTest;
  let store: LoginStore;

  beforeAll(async () => {
    subject = await open();
    ({ store } = subject);
  });

  afterAll(async () => {
    await subject.close();
  });

  test("answers a ping", async () => {
    await expect(store.ping()).resolves.toBeUndefined();
  });

  describe("a transaction", () => {
    test("comes back as it was", async () => {
      const key = randomUUID();
      await store.putTransaction(key, OWNER, transaction("v1"), 60);
      expect(plainTransaction(await takeFrom(store, key))).toStrictEqual(
        plainTransaction(transaction("v1")),
      );
    });

    test("comes back with the members that are undefined", async () => {
      const key = randomUUID();
      const sparse = { ...transaction("v1"), maxAgeSeconds: undefined };
      await store.putTransaction(key, OWNER, sparse, 60);
      const taken = await takeFrom(store, key);
      expect(plainTransaction(taken)).toStrictEqual(plainTransaction(sparse));
    });

    test("is handed out once", async () => {
      const key = randomUUID();
      await store.putTransaction(key, OWNER, transaction("v1"), 60);
      await takeFrom(store, key);
      await expect(takeFrom(store, key)).resolves.toBeUndefined();
    });

    test("is handed out once, though twenty ask at the same time", async () => {
      const key = randomUUID();
      await store.putTransaction(key, OWNER, transaction("v1"), 60);
      const answers = await times(20, () => takeFrom(store, key));
      expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
    });

    test("is found under its own key only", async () => {
      const key = randomUUID();
      await store.putTransaction(`${key}a`, OWNER, transaction("a"), 60);
      await store.putTransaction(`${key}b`, OWNER, transaction("b"), 60);
      await expect(takeFrom(store, key)).resolves.toBeUndefined();
      const taken = await takeFrom(store, `${key}b`);
      expect(taken?.codeVerifier.reveal()).toBe("verifier b");
    });

    test("is handed to nobody but its owner, who gets it afterwards", async () => {
      const key = randomUUID();
      await store.putTransaction(key, OWNER, transaction("v1"), 60);
      const strangers = await store.takeTransaction(key, "stranger", 60);
      expect(strangers).toEqual({ returnTo: transaction("v1").returnTo });
      await expect(takeFrom(store, key)).resolves.toBeDefined();
      const late = await store.takeTransaction(key, "stranger", 60);
      expect(late).toEqual({ returnTo: transaction("v1").returnTo });
    });

    test("tells its owner alone what came of it, and until then that this is open", async () => {
      const key = randomUUID();
      const ask = async (owner: string): Promise<unknown> => {
        const found = await store.takeTransaction(key, owner, 60);
        const { outcome } = found ?? {};
        return outcome instanceof Secret ? outcome.reveal() : outcome;
      };
      await store.putTransaction(key, OWNER, transaction("v1"), 60);
      await expect(ask(OWNER)).resolves.toBeUndefined();
      await expect(ask(OWNER)).resolves.toBe("pending");
      await expect(ask("stranger")).resolves.toBeUndefined();
      await store.keepOutcome(key, "stranger", new Secret("lie"), 60);
      await expect(ask(OWNER)).resolves.toBe("pending");
      await store.keepOutcome(key, OWNER, new Secret("done"), 60);
      await expect(ask(OWNER)).resolves.toBe("done");
      await expect(ask(OWNER)).resolves.toBe("done");
      await expect(ask("stranger")).resolves.toBeUndefined();
    });

    test("whose outcome nobody brings is not open for ever", async () => {
      const key = randomUUID();
      await store.putTransaction(key, OWNER, transaction("v1"), 60);
      await store.takeTransaction(key, OWNER, 0.01);
      await until("nobody waits for it any more", async () => {
        const found = await store.takeTransaction(key, OWNER, 60);
        return found !== undefined && found.outcome === undefined;
      });
      await expect(takeFrom(store, key)).resolves.toBeUndefined();
    });
  });

  describe("a parked response", () => {
    test("comes back as it was, once", async () => {
      const key = randomUUID();
      const form = "code=a%2Bb&state=ü&iss=https%3A%2F%2Fop.example";
      await store.parkResponse(key, new Secret(form), 60);
      expect((await store.takeResponse(key))?.reveal()).toBe(form);
      await expect(store.takeResponse(key)).resolves.toBeUndefined();
    });

    test("is handed out once, though twenty ask at the same time", async () => {
      const key = randomUUID();
      await store.parkResponse(key, new Secret("code=a"), 60);
      const answers = await times(20, () => store.takeResponse(key));
      expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
    });

    test("is no transaction", async () => {
      const key = randomUUID();
      await store.parkResponse(key, new Secret("code=a"), 60);
      await expect(takeFrom(store, key)).resolves.toBeUndefined();
      await expect(store.takeResponse(key)).resolves.toBeDefined();
    });
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
      await expect(store.createLogin(id, login, tokenSet("1"))).resolves.toBe(
        1,
      );
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
      await store.createLogin(id, login, tokenSet("1"));
      const activate = () => store.activateLogin(id, login, origin());
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
      await store.createLogin(id, login, tokenSet("1"));
      const ended = await store.endLogin(id);
      expect(ended?.revision).toBe(0);
      expect(ended?.tokens?.refreshToken?.reveal()).toBe("refresh 1");
      await expect(store.activateLogin(id, login, origin())).resolves.toBe(
        false,
      );
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.loginsOf(user.group)).resolves.toEqual([]);
    });

    test("is over when a logout came that its tokens are older than", async () => {
      const [id, user] = [randomUUID(), aUser()];
      const login = user.login();
      await store.createLogin(id, login, tokenSet("1"));
      const when = origin();
      await expect(
        store.refuseLogins(user.group, { ...mark(), at: Date.now() }, 60),
      ).resolves.toEqual([id]);
      await expect(store.activateLogin(id, login, when)).resolves.toBe(false);
      await expect(store.endLogin(id)).resolves.toBeUndefined();
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
      await expect(liveKeysOf(id)).resolves.toEqual([]);
    });

    test("does not make a login that never was", async () => {
      const id = randomUUID();
      await store.recordUse(id, Date.now(), ENDS_AT);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(subject.keysWith(id)).resolves.toEqual([]);
    });
  });

  describe("a token set", () => {
    test("is replaced by whoever names its revision", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await expect(store.replaceTokens(id, 1, tokenSet("2"))).resolves.toBe(
        "stored",
      );
      const stored = await store.readTokens(id);
      expect(stored?.revision).toBe(2);
      expect(plainTokens(stored?.tokens)).toStrictEqual(
        plainTokens(tokenSet("2")),
      );
    });

    test("is not replaced by whoever names an old revision", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.replaceTokens(id, 1, tokenSet("2"));
      await expect(store.replaceTokens(id, 1, tokenSet("3"))).resolves.toBe(
        "conflict",
      );
      const stored = await store.readTokens(id);
      expect(stored?.revision).toBe(2);
      expect(stored?.tokens.refreshToken?.reveal()).toBe("refresh 2");
    });

    test("is not replaced by whoever names a revision to come", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await expect(store.replaceTokens(id, 2, tokenSet("3"))).resolves.toBe(
        "conflict",
      );
    });

    test("is replaced once, though twenty name the same revision", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("0"), origin());
      const outcomes = await times(20, (index) =>
        store.replaceTokens(id, 1, tokenSet(String(index))),
      );
      expect(outcomes.filter((outcome) => outcome === "stored")).toHaveLength(
        1,
      );
      expect(outcomes.filter((outcome) => outcome === "conflict")).toHaveLength(
        19,
      );
      const stored = await store.readTokens(id);
      expect(stored?.revision).toBe(2);
      expect(stored?.tokens.refreshToken?.reveal()).toBe(
        `refresh ${outcomes.indexOf("stored")}`,
      );
    });

    test("is replaced time and again", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      for (let revision = 1; revision < 12; revision++) {
        await expect(
          store.replaceTokens(id, revision, tokenSet(String(revision))),
        ).resolves.toBe("stored");
      }
      expect((await store.readTokens(id))?.revision).toBe(12);
    });

    test("is known without asking only as it was when the login was read a moment ago", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.readTokens(id);
      await store.readLogin(id);
      expect(plainTokens(store.recentTokens(id)?.tokens)).toStrictEqual(
        plainTokens(tokenSet("1")),
      );

      const writer = subject.elsewhere ?? store;
      await writer.replaceTokens(id, 1, tokenSet("2"));
      await store.readLogin(id);
      expect(store.recentTokens(id)?.revision).not.toBe(1);
      await store.readTokens(id);
      expect(store.recentTokens(id)?.revision).toBe(2);

      await store.endLogin(id);
      expect(store.recentTokens(id)).toBeUndefined();
    });

    test("leaves identity and times of the login alone", async () => {
      const id = randomUUID();
      const login = loginRecord();
      await createLogin(store, id, login, tokenSet("1"), origin());
      await store.replaceTokens(id, 1, tokenSet("2"));
      await expect(store.readLogin(id)).resolves.toStrictEqual(login);
    });

    test("does not bring an ended login back", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.endLogin(id);
      await expect(store.replaceTokens(id, 1, tokenSet("2"))).resolves.toBe(
        "ended",
      );
      await expect(store.readTokens(id)).resolves.toBeUndefined();
      await expect(liveKeysOf(id)).resolves.toEqual([]);
    });

    test("does not make a login that never was", async () => {
      const id = randomUUID();
      await expect(store.replaceTokens(id, 1, tokenSet("2"))).resolves.toBe(
        "ended",
      );
      await expect(subject.keysWith(id)).resolves.toEqual([]);
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

  describe("a lock", () => {
    test("is taken by one of twenty", async () => {
      const id = randomUUID();
      const outcomes = await times(20, () =>
        store.takeLock(id, randomUUID(), 5000),
      );
      expect(outcomes.filter((outcome) => outcome === "taken")).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === "held")).toHaveLength(19);
    });

    test("is given back by its owner only", async () => {
      const id = randomUUID();
      await store.takeLock(id, "owner", 5000);
      await store.releaseLock(id, "another");
      await expect(store.takeLock(id, "another", 5000)).resolves.toBe("held");
      await store.releaseLock(id, "owner");
      await expect(store.takeLock(id, "another", 5000)).resolves.toBe("taken");
    });

    test("ends by itself when its holder is gone", async () => {
      const id = randomUUID();
      await store.takeLock(id, "owner", 100);
      await until("it has ended", async () => {
        return (await store.takeLock(id, "another", 5000)) === "taken";
      });
      await expect(store.keepLock(id, "owner", 5000)).resolves.toBe(false);
    });

    test("lives on while its holder prolongs it", async () => {
      await inTime(async (span, tooLate) => {
        const id = randomUUID();
        await store.takeLock(id, "owner", span);
        const control = randomUUID();
        await store.takeLock(control, "owner", span);
        const isKept = await store.keepLock(id, "owner", 60_000);
        if (tooLate()) return false;
        expect(isKept).toBe(true);
        await until("one that is not prolonged has ended", async () => {
          return (await store.takeLock(control, "another", 5000)) === "taken";
        });
        await expect(store.takeLock(id, "another", 5000)).resolves.toBe("held");
        return true;
      });
    });

    test("becomes a pause for everybody, its owner included, until it is over", async () => {
      await inTime(async (span, tooLate) => {
        const id = randomUUID();
        await store.takeLock(id, "owner", 30_000);
        await store.pauseLock(id, "owner", span);
        const answers = [
          await store.takeLock(id, "another", 5000),
          await store.takeLock(id, "owner", 5000),
        ];
        if (tooLate()) return false;
        expect(answers).toEqual(["paused", "paused"]);
        await until("it is over", async () => {
          return (await store.takeLock(id, "another", 5000)) === "taken";
        });
        return true;
      });
    });

    test("that ended and was not given back is its owner's to take up again", async () => {
      const id = await lockedAndLeft();
      await expect(store.takeLock(id, "another", 5000)).resolves.toEqual({
        leftBy: "owner",
      });
      await expect(store.keepLock(id, "another", 5000)).resolves.toBe(false);
      await expect(store.keepLock(id, "owner", 5000)).resolves.toBe(true);
      await expect(store.takeLock(id, "another", 5000)).resolves.toBe("held");
    });

    test("is taken from an owner who is named as gone, and from no other", async () => {
      const id = await lockedAndLeft();
      await expect(
        store.takeLock(id, "another", 5000, "a third"),
      ).resolves.toEqual({ leftBy: "owner" });
      await expect(store.takeLock(id, "another", 5000, "owner")).resolves.toBe(
        "taken",
      );
      await expect(store.keepLock(id, "owner", 5000)).resolves.toBe(false);
    });

    test.each<
      [
        string,
        (id: string) => Promise<unknown>,
        Awaited<ReturnType<LoginStore["takeLock"]>>,
      ]
    >([
      [
        "new tokens",
        (id) => store.replaceTokens(id, 1, tokenSet("2")),
        "taken",
      ],
      [
        "its owner gives it back",
        (id) => store.releaseLock(id, "owner"),
        "taken",
      ],
      [
        "its owner pauses it",
        (id) => store.pauseLock(id, "owner", 5000),
        "paused",
      ],
    ])(
      "that ended is waited for no longer after: %s",
      async (_what, act, outcome) => {
        const id = await lockedAndLeft();
        await act(id);
        await expect(store.takeLock(id, "another", 5000)).resolves.toEqual(
          outcome,
        );
      },
    );

    /** A login whose lock has ended although nobody gave it back. */
    async function lockedAndLeft(): Promise<string> {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.takeLock(id, "owner", 50);
      await until("the lock has ended", async () => {
        const outcome = await store.takeLock(id, "somebody", 50);
        return outcome !== "held";
      });
      return id;
    }

    test("cannot be paused by somebody who has lost it", async () => {
      const id = randomUUID();
      await store.takeLock(id, "owner", 5000);
      await store.pauseLock(id, "another", 5000);
      await expect(store.takeLock(id, "third", 5000)).resolves.toBe("held");
    });
  });

  describe("a token of the application itself", () => {
    test("comes back as often as it is asked for, until it ends", async () => {
      const name = randomUUID();
      const token = aToken();
      await store.putClientToken(name, token, 60);
      await store.putClientToken(`${name}-brief`, token, 1);
      for (let round = 0; round < 2; round++) {
        const read = await store.readClientToken(name);
        expect(read?.value.reveal()).toBe("of the application");
        expect(read?.scope).toBe("read");
      }
      await expect(store.readClientToken(`${name}x`)).resolves.toBeUndefined();
      await until("the brief one has ended", async () => {
        return (await store.readClientToken(`${name}-brief`)) === undefined;
      });
      expect(await store.readClientToken(name)).toBeDefined();
    });
  });

  describe("the end of a login", () => {
    test("takes everything of it away", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      await store.endLogin(id);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.readTokens(id)).resolves.toBeUndefined();
      await expect(liveKeysOf(id)).resolves.toEqual([]);
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
      await expect(liveKeysOf(id)).resolves.toEqual([]);
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
      await expect(liveKeysOf(id)).resolves.toEqual([]);
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
      const ids = [await signIn(user), await signIn(user)];
      await signIn(other);
      const listed = await store.loginsOf(user.group);
      expect([...listed].sort()).toEqual([...ids].sort());
    });

    test("are listed with the one that ends first first", async () => {
      const user = aUser();
      const now = Date.now();
      const last = await signIn(user, { endsAt: now + 3 * MINUTE });
      const first = await signIn(user, { endsAt: now + MINUTE });
      const second = await signIn(user, { endsAt: now + 2 * MINUTE });
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
      const mine = await signIn(user);
      const other = await signIn(namesake);
      await expect(store.loginsOf(user.group)).resolves.toEqual([mine]);
      await expect(
        store.loginsOf({ issuer: namesake.issuer, subject: user.subject }),
      ).resolves.toEqual([other]);
    });

    test("are not lost by uses and refreshes", async () => {
      const user = aUser();
      const id = await signIn(user);
      await store.recordUse(id, Date.now() + MINUTE, ENDS_AT);
      await store.replaceTokens(id, 1, tokenSet("2"));
      await expect(store.loginsOf(user.group)).resolves.toEqual([id]);
    });

    test("are all there, though twenty are created at the same time", async () => {
      const user = aUser();
      const ids = await times(20, () => signIn(user));
      const listed = await store.loginsOf(user.group);
      expect([...listed].sort()).toEqual([...ids].sort());
    });
  });

  describe("the logins of a session at the provider", () => {
    test("are listed, and not the user's others", async () => {
      const user = aUser();
      const [one, other] = [aSession(), aSession()];
      const id = await signIn(user, { session: one });
      await signIn(user, { session: other });
      await signIn(user);
      await expect(store.loginsOf(one.group)).resolves.toEqual([id]);
    });

    test("BCL-14: are apart from those of the same sid at another issuer", async () => {
      const session = aSession();
      const user = aUser();
      await signIn({ ...user, issuer: "https://other.example" }, { session });
      await expect(store.loginsOf(session.group)).resolves.toEqual([]);
    });

    test("are apart from those of a user who is called like it", async () => {
      const name = randomUUID();
      const id = await signIn({ ...aUser(), subject: name });
      await expect(
        store.loginsOf({ issuer: ISSUER, providerSessionId: name }),
      ).resolves.toEqual([]);
      await expect(
        store.loginsOf({ issuer: ISSUER, subject: name }),
      ).resolves.toEqual([id]);
    });
  });

  describe("a login that ended", () => {
    test("is among neither its user's nor its provider session's any more", async () => {
      const [user, session] = [aUser(), aSession()];
      const ended = await signIn(user, { session });
      const alive = await signIn(user, { session });
      await store.endLogin(ended);
      await expect(store.loginsOf(user.group)).resolves.toEqual([alive]);
      await expect(store.loginsOf(session.group)).resolves.toEqual([alive]);
    });

    test("leaves no key behind when it was the last of its groups", async () => {
      const [user, session] = [aUser(), aSession()];
      const ids = [
        await signIn(user, { session }),
        await signIn(user, { session }),
      ];
      for (const id of ids) await store.endLogin(id);
      for (const group of [user.group, session.group]) {
        await expect(subject.keysWith(groupName(group))).resolves.toEqual([]);
      }
    });

    test("leaves its groups also when it ended at a revision", async () => {
      const [user, session] = [aUser(), aSession()];
      const id = await signIn(user, { session });
      await store.endLoginAt(id, 1);
      await expect(store.loginsOf(user.group)).resolves.toEqual([]);
      await expect(store.loginsOf(session.group)).resolves.toEqual([]);
    });
  });

  describe("a login without sid", () => {
    test("is among its user's and among the user's without sid, and in no provider session", async () => {
      const before = await subject.keysWith("{sid.");
      const user = aUser();
      const id = await signIn(user);
      await expect(store.loginsOf(user.group)).resolves.toEqual([id]);
      await expect(store.loginsOf(user.withoutSession)).resolves.toEqual([id]);
      for (const providerSessionId of ["", "undefined", "null"]) {
        await expect(
          store.loginsOf({ issuer: ISSUER, providerSessionId }),
        ).resolves.toEqual([]);
      }
      const after = await subject.keysWith("{sid.");
      expect(after.filter((key) => !before.includes(key))).toEqual([]);
    });

    test("is not mixed up with one that has a sid", async () => {
      const user = aUser();
      await signIn(user, { session: aSession() });
      await expect(store.loginsOf(user.withoutSession)).resolves.toEqual([]);
    });

    test("leaves nothing behind when it ended", async () => {
      const user = aUser();
      await store.endLogin(await signIn(user));
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
      const ids = [await signIn(user), await signIn(user, { session })];
      const refused = await store.refuseLogins(user.group, mark(), 60);
      expect([...refused].sort()).toEqual([...ids].sort());
      await expect(
        store.refuseLogins(session.group, mark(), 60),
      ).resolves.toEqual([ids[1]]);
    });

    test("does not itself end those that are there", async () => {
      const user = aUser();
      const id = await signIn(user);
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
        await expect(liveKeysOf(id)).resolves.toEqual([]);
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

  describe("who watches", () => {
    test("is told of every login that ends", async () => {
      const watch = await watching();
      const ids = [await signIn(aUser()), await signIn(aUser())];
      await store.endLogin(ids[0] ?? "");
      await store.endLoginAt(ids[1] ?? "", 1);
      await until("it is told", () =>
        ids.every((id) => watch.told.includes(id)),
      );
      watch.stop();
    });

    test("is told of nothing that did not end", async () => {
      const watch = await watching();
      const [ended, alive] = [await signIn(aUser()), await signIn(aUser())];
      await store.endLoginAt(alive, 2);
      await store.replaceTokens(alive, 1, tokenSet("2"));
      const unknown = randomUUID();
      await store.endLogin(unknown);
      await store.endLogin(ended);
      await until("it is told", () => watch.told.includes(ended));
      expect(watch.told).not.toContain(alive);
      expect(watch.told).not.toContain(unknown);
      watch.stop();
    });

    test("is told as well as others who watch", async () => {
      const [one, other] = [await watching(), await watching()];
      const id = await signIn(aUser());
      await store.endLogin(id);
      await until(
        "it is told",
        () => one.told.includes(id) && other.told.includes(id),
      );
      one.stop();
      other.stop();
    });

    test("is told of what ends in another process, within a second", async () => {
      const { elsewhere = store } = subject;
      const watch = await watching();
      const id = await signIn(aUser());
      await elsewhere.endLogin(id);
      await until("it is told", () => watch.told.includes(id));
      watch.stop();
    });

    test("is told nothing any more when it has stopped, and others still are", async () => {
      const { elsewhere = store } = subject;
      const [stopped, other] = [await watching(), await watching()];
      stopped.stop();
      const ids = [await signIn(aUser()), await signIn(aUser())];
      await store.endLogin(ids[0] ?? "");
      await elsewhere.endLogin(ids[1] ?? "");
      await until("it is told", () =>
        ids.every((id) => other.told.includes(id)),
      );
      for (const id of ids) expect(stopped.told).not.toContain(id);
      other.stop();
    });

    test("may stop twice", async () => {
      const [stopped, other] = [await watching(), await watching()];
      stopped.stop();
      stopped.stop();
      const id = await signIn(aUser());
      await store.endLogin(id);
      await until("it is told", () => other.told.includes(id));
      other.stop();
    });

    test("may come back when nobody watched", async () => {
      const { elsewhere = store } = subject;
      (await watching()).stop();
      const again = await watching();
      const id = await signIn(aUser());
      await elsewhere.endLogin(id);
      await until("it is told", () => again.told.includes(id));
      again.stop();
    });
  });

  /** What the store keeps of a login, beside what remains of one that has ended. */
  async function liveKeysOf(id: string): Promise<string[]> {
    const keys = await subject.keysWith(id);
    return keys.filter((key) => !key.endsWith(":ended"));
  }

  /** Signs a user in; the login's id. */
  async function signIn(user: User, how: HowSignedIn = {}): Promise<string> {
    const id = randomUUID();
    await createLogin(
      store,
      id,
      user.login(how, user),
      tokenSet("1"),
      origin(),
    );
    return id;
  }

  const watchers = new Set<readonly string[]>();

  /** A watcher whose store listens already. */
  async function watching(): Promise<Watching> {
    const told: string[] = [];
    let listens = false;
    const watcher: EndWatcher = {
      ended: (id) => told.push(id),
      missed: () => (listens = true),
    };
    const stopWatching = store.watchEnds(watcher);
    const stop = (): void => {
      stopWatching();
      watchers.delete(told);
    };
    // What another process ended before the store listens is not told. One
    // that joins others has nothing to wait for.
    if (subject.elsewhere !== undefined && watchers.size === 0) {
      await until("it listens", () => listens);
    }
    watchers.add(told);
    return { told, stop };
  }
}

/** Runs the part of the suite that has to wait, for all stores at once. */
export function theyForgetInTime(
  stores: Readonly<Record<string, () => Promise<StoreUnderTest>>>,
): void {
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
      for (const { close } of planted.values()) await close();
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

  const signIn = async (
    user: User,
    session: Session,
    milliseconds: number,
  ): Promise<string> => {
    const id = randomUUID();
    const endsAt = Date.now() + milliseconds;
    await createLogin(
      store,
      id,
      user.login({ session, endsAt }),
      tokenSet("1"),
      origin(),
    );
    return id;
  };
  const shortlived = { user: aUser(), session: aSession() };
  await signIn(shortlived.user, shortlived.session, 1000);
  const [user, session] = [aUser(), aSession()];
  await signIn(user, session, 1000);
  const long = await signIn(user, session, MINUTE);
  await signIn(user, session, 1000);
  const mixed = { user, session, long };

  const loggedOut = { at: now, briefly: aUser(), lastingly: aUser() };
  const marked = { at: now, issuedAt: undefined };
  await store.refuseLogins(loggedOut.briefly.group, marked, 1);
  await store.refuseLogins(loggedOut.lastingly.group, marked, 60);
  return { ...subject, expiring, lasting, shortlived, mixed, loggedOut };
}

const ISSUER = "https://op.example";

/** A user who has never been here before. */
interface User {
  readonly issuer: string;
  readonly subject: string;
  readonly group: LoginGroup;
  /** Those logins of the user whose provider sent no `sid`. */
  readonly withoutSession: LoginGroup;
  /** A login of this user, or of one with another issuer. */
  readonly login: (
    how?: HowSignedIn,
    as?: { readonly issuer: string; readonly subject: string },
  ) => LoginRecord;
}

/** A session at the provider that nobody has had before. */
interface Session {
  readonly providerSessionId: string;
  readonly group: LoginGroup;
}

interface HowSignedIn {
  /** Default: the provider sends no `sid`. */
  readonly session?: Session;
  readonly authenticatedAt?: number;
  readonly endsAt?: number;
}

/** What was told of logins that ended. */
interface Watching {
  readonly told: readonly string[];
  readonly stop: () => void;
}

function aUser(): User {
  const user = { issuer: ISSUER, subject: randomUUID() };
  return {
    ...user,
    group: user,
    withoutSession: { issuer: ISSUER, subjectWithoutSession: user.subject },
    login({ session, authenticatedAt, endsAt } = {}, as = user) {
      const record = loginRecord();
      return {
        ...record,
        createdAt: Date.now(),
        endsAt: endsAt ?? record.endsAt,
        identity: {
          ...record.identity,
          claims: { iss: as.issuer, sub: as.subject },
          providerSessionId: session?.providerSessionId,
          authenticatedAt,
        },
      };
    },
  };
}

function aSession(): Session {
  const providerSessionId = randomUUID();
  return { providerSessionId, group: { issuer: ISSUER, providerSessionId } };
}

function aToken(): IssuedToken {
  return {
    value: new Secret("of the application"),
    type: "DPoP",
    receivedAt: 1,
    expiresAt: undefined,
    scope: "read",
  };
}

/** A logout of this moment, by the provider's word. */
function mark(): LogoutMark {
  return { at: Date.now(), issuedAt: Math.floor(Date.now() / 1000) * 1000 };
}

/** Between nothing and a few milliseconds; often nothing. */
async function aMoment(): Promise<void> {
  const milliseconds = Math.floor(Math.random() * 4);
  if (milliseconds > 0) await pause(milliseconds - 1);
}

/** Runs a test with a short span of time, and with a long one where the machine let the short one pass. */
async function inTime(
  run: (span: number, tooLate: () => boolean) => Promise<boolean>,
): Promise<void> {
  for (const span of [200, 3000]) {
    const begun = performance.now();
    if (await run(span, () => performance.now() - begun >= span)) return;
  }
  throw new Error("the machine is too busy for this test");
}

/** A transaction whose secrets hold the given text. */
export function transaction(text: string): Transaction {
  return {
    issuer: "https://op.example",
    codeVerifier: new Secret(`verifier ${text}`),
    nonce: new Secret(`nonce ${text}`),
    returnTo: "/orders?page=2#top",
    acrValues: ["urn:mfa", "urn:pwd"],
    maxAgeSeconds: 300,
    isSilent: false,
  };
}

/** A login that began just now and ends in an hour. */
export function loginRecord(
  subject = "alice",
): LoginRecord & { readonly seenAt: number } {
  return {
    identity: {
      claims: {
        iss: "https://op.example",
        sub: subject,
        name: "Zoë 世界",
        address: { country: null, lines: ["1 Main St", ""] },
        email_verified: false,
        updated_at: 1.5,
      },
      providerSessionId: "provider session",
      authenticatedAt: STARTED - 5000,
      acr: "urn:mfa",
      sessionState: "hash.salt",
    },
    createdAt: STARTED,
    seenAt: STARTED,
    endsAt: ENDS_AT,
    device: { userAgent: "Browser/1", address: "192.0.2.1" },
  };
}

/** Tokens that were asked for now. */
export function origin(requestedAt = Date.now()): TokenOrigin {
  return { requestedAt, issuedAt: requestedAt };
}

const STARTED = Date.now();
/** When logins end. */
export const ENDS_AT: number = STARTED + 60 * MINUTE;

/** A token set whose secrets hold the given text. */
export function tokenSet(text: string): TokenSet {
  return {
    idToken: new Secret(`id ${text}`),
    refreshToken: new Secret(`refresh ${text}`),
    accessTokens: {
      "": accessToken(`access ${text}`, STARTED + MINUTE, "openid"),
      "urn:example:orders": accessToken(
        `orders ${text}`,
        STARTED + 2 * MINUTE,
        "orders:read",
      ),
    },
  };
}

function accessToken(
  value: string,
  expiresAt: number | undefined,
  scope: string | undefined,
): IssuedToken {
  return {
    value: new Secret(value),
    type: "Bearer",
    receivedAt: STARTED,
    expiresAt,
    scope,
  };
}

// Two Secrets look alike to a matcher whatever they hold, so they are compared in plain.
function plainTransaction(taken: Transaction | undefined): unknown {
  return (
    taken && {
      ...taken,
      codeVerifier: taken.codeVerifier.reveal(),
      nonce: taken.nonce.reveal(),
    }
  );
}

function plainTokens(tokens: TokenSet | undefined): unknown {
  return (
    tokens && {
      idToken: tokens.idToken.reveal(),
      refreshToken: tokens.refreshToken?.reveal(),
      accessTokens: Object.entries(tokens.accessTokens).map(
        ([resource, token]) => [
          resource,
          { ...token, value: token.value.reveal() },
        ],
      ),
    }
  );
}

function times<Answer>(
  count: number,
  ask: (index: number) => Promise<Answer>,
): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => ask(index)));
}
