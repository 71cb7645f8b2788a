/** What every login store has to do: one suite for all of them. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import type {
  AccessToken,
  LoginRecord,
  LoginStore,
  TokenSet,
  Transaction,
} from "../../../lib/login-store/login-store.js";
import { Secret } from "../../../lib/secret.js";

/** A store, with what the suite needs beside it. */
export interface StoreUnderTest {
  readonly store: LoginStore;
  /** Whatever the store still keeps whose name holds this text. */
  readonly keysWith: (text: string) => Promise<string[]>;
  readonly close: () => Promise<void>;
}

const MINUTE = 60_000;

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
      await store.putTransaction(key, transaction("v1"), 60);
      expect(plainTransaction(await store.takeTransaction(key))).toStrictEqual(
        plainTransaction(transaction("v1")),
      );
    });

    test("comes back with the members that are undefined", async () => {
      const key = randomUUID();
      const sparse = { ...transaction("v1"), maxAgeSeconds: undefined };
      await store.putTransaction(key, sparse, 60);
      const taken = await store.takeTransaction(key);
      expect(plainTransaction(taken)).toStrictEqual(plainTransaction(sparse));
    });

    test("is handed out once", async () => {
      const key = randomUUID();
      await store.putTransaction(key, transaction("v1"), 60);
      await store.takeTransaction(key);
      await expect(store.takeTransaction(key)).resolves.toBeUndefined();
    });

    test("is handed out once, though twenty ask at the same time", async () => {
      const key = randomUUID();
      await store.putTransaction(key, transaction("v1"), 60);
      const answers = await times(20, () => store.takeTransaction(key));
      expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
    });

    test("is found under its own key only", async () => {
      const key = randomUUID();
      await store.putTransaction(`${key}a`, transaction("a"), 60);
      await store.putTransaction(`${key}b`, transaction("b"), 60);
      await expect(store.takeTransaction(key)).resolves.toBeUndefined();
      const taken = await store.takeTransaction(`${key}b`);
      expect(taken?.codeVerifier.reveal()).toBe("verifier b");
    });

    test("leaves nothing behind when it was taken", async () => {
      const key = randomUUID();
      await store.putTransaction(key, transaction("v1"), 60);
      await store.takeTransaction(key);
      await expect(subject.keysWith(key)).resolves.toEqual([]);
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
      await expect(store.takeTransaction(key)).resolves.toBeUndefined();
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
      await store.createLogin(id, login, tokenSet("1"));
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
      await store.createLogin(id, sparse, tokenSet("1"));
      await expect(store.readLogin(id)).resolves.toStrictEqual(sparse);
    });

    test("has its tokens, at revision 1", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("1"));
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
      await store.createLogin(id, loginRecord(), sparse);
      expect(plainTokens((await store.readTokens(id))?.tokens)).toStrictEqual(
        plainTokens(sparse),
      );
    });

    test("may have large tokens", async () => {
      const id = randomUUID();
      const large = tokenSet("é".repeat(50_000));
      await store.createLogin(id, loginRecord(), large);
      expect(plainTokens((await store.readTokens(id))?.tokens)).toStrictEqual(
        plainTokens(large),
      );
    });

    test("is one of many: what happens to one happens to no other", async () => {
      const id = randomUUID();
      await store.createLogin(`${id}a`, loginRecord("alice"), tokenSet("a"));
      await store.createLogin(`${id}b`, loginRecord("bob"), tokenSet("b"));
      await store.replaceTokens(`${id}a`, 1, tokenSet("a2"));
      await store.recordUse(`${id}a`, Date.now() + MINUTE);
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
      await store.putTransaction(key, transaction("v1"), 60);
      await store.parkResponse(key, new Secret("code=a"), 60);
      await store.createLogin(key, loginRecord(), tokenSet("1"));
      await store.endLogin(key);
      await expect(store.takeTransaction(key)).resolves.toBeDefined();
      await expect(store.takeResponse(key)).resolves.toBeDefined();
    });
  });

  describe("the use of a login", () => {
    test("is noted, and changes nothing else", async () => {
      const id = randomUUID();
      const login = loginRecord();
      await store.createLogin(id, login, tokenSet("1"));
      await store.recordUse(id, login.seenAt + MINUTE);
      await expect(store.readLogin(id)).resolves.toStrictEqual({
        ...login,
        seenAt: login.seenAt + MINUTE,
      });
      expect((await store.readTokens(id))?.revision).toBe(1);
    });

    test("does not bring an ended login back", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("1"));
      await store.endLogin(id);
      await store.recordUse(id, Date.now());
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(subject.keysWith(id)).resolves.toEqual([]);
    });

    test("does not make a login that never was", async () => {
      const id = randomUUID();
      await store.recordUse(id, Date.now());
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(subject.keysWith(id)).resolves.toEqual([]);
    });
  });

  describe("a token set", () => {
    test("is replaced by whoever names its revision", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("1"));
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
      await store.createLogin(id, loginRecord(), tokenSet("1"));
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
      await store.createLogin(id, loginRecord(), tokenSet("1"));
      await expect(store.replaceTokens(id, 2, tokenSet("3"))).resolves.toBe(
        "conflict",
      );
    });

    test("is replaced once, though twenty name the same revision", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("0"));
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
      await store.createLogin(id, loginRecord(), tokenSet("1"));
      for (let revision = 1; revision < 12; revision++) {
        await expect(
          store.replaceTokens(id, revision, tokenSet(String(revision))),
        ).resolves.toBe("stored");
      }
      expect((await store.readTokens(id))?.revision).toBe(12);
    });

    test("leaves identity and times of the login alone", async () => {
      const id = randomUUID();
      const login = loginRecord();
      await store.createLogin(id, login, tokenSet("1"));
      await store.replaceTokens(id, 1, tokenSet("2"));
      await expect(store.readLogin(id)).resolves.toStrictEqual(login);
    });

    test("does not bring an ended login back", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("1"));
      await store.endLogin(id);
      await expect(store.replaceTokens(id, 1, tokenSet("2"))).resolves.toBe(
        "ended",
      );
      await expect(store.readTokens(id)).resolves.toBeUndefined();
      await expect(subject.keysWith(id)).resolves.toEqual([]);
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
      await store.createLogin(id, loginRecord(), tokenSet("v1"));
      const revision = (await store.readTokens(id))?.revision ?? 0;
      await expect(store.endLoginAt(id, revision)).resolves.toBe(true);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
    });

    test("does not come when newer tokens are there", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("v1"));
      const revision = (await store.readTokens(id))?.revision ?? 0;
      await store.replaceTokens(id, revision, tokenSet("v2"));
      await expect(store.endLoginAt(id, revision)).resolves.toBe(false);
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
      await sleep(150);
      await expect(store.takeLock(id, "another", 5000)).resolves.toBe("taken");
      await expect(store.keepLock(id, "owner", 5000)).resolves.toBe(false);
    });

    test("lives on while its holder prolongs it", async () => {
      const id = randomUUID();
      await store.takeLock(id, "owner", 200);
      await expect(store.keepLock(id, "owner", 5000)).resolves.toBe(true);
      await sleep(300);
      await expect(store.takeLock(id, "another", 5000)).resolves.toBe("held");
    });

    test("becomes a pause for everybody, its owner included, until it is over", async () => {
      const id = randomUUID();
      await store.takeLock(id, "owner", 5000);
      await store.pauseLock(id, "owner", 150);
      await expect(store.takeLock(id, "another", 5000)).resolves.toBe("paused");
      await expect(store.takeLock(id, "owner", 5000)).resolves.toBe("paused");
      await sleep(250);
      await expect(store.takeLock(id, "another", 5000)).resolves.toBe("taken");
    });

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
      const token: AccessToken = {
        value: new Secret("of the application"),
        receivedAt: 1,
        expiresAt: undefined,
        scope: "read",
      };
      await store.putClientToken(name, token, 1);
      for (let round = 0; round < 2; round++) {
        const read = await store.readClientToken(name);
        expect(read?.value.reveal()).toBe("of the application");
        expect(read?.scope).toBe("read");
      }
      await expect(store.readClientToken(`${name}x`)).resolves.toBeUndefined();
      await sleep(1200);
      await expect(store.readClientToken(name)).resolves.toBeUndefined();
    });
  });

  describe("the end of a login", () => {
    test("takes everything of it away", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("1"));
      await store.endLogin(id);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.readTokens(id)).resolves.toBeUndefined();
      await expect(subject.keysWith(id)).resolves.toEqual([]);
    });

    test("says whether there was one", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("1"));
      await expect(store.endLogin(id)).resolves.toBe(true);
      await expect(store.endLogin(id)).resolves.toBe(false);
      await expect(store.endLogin(randomUUID())).resolves.toBe(false);
    });

    test("is told to one, though twenty end it at the same time", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("1"));
      const answers = await times(20, () => store.endLogin(id));
      expect(answers.filter(Boolean)).toHaveLength(1);
    });

    test("holds against uses and refreshes that happen meanwhile", async () => {
      const id = randomUUID();
      await store.createLogin(id, loginRecord(), tokenSet("1"));
      await Promise.all([
        times(10, (index) => store.recordUse(id, Date.now() + index)),
        store.endLogin(id),
        times(10, () => store.replaceTokens(id, 1, tokenSet("2"))),
        times(10, (index) => store.recordUse(id, Date.now() + index)),
      ]);
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(subject.keysWith(id)).resolves.toEqual([]);
    });
  });
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

  beforeAll(async () => {
    await Promise.all(
      Object.entries(stores).map(async ([name, open]) => {
        planted.set(name, await plant(await open()));
      }),
    );
    // Redis knows lifetimes of whole seconds.
    await sleep(1100);
  });

  afterAll(async () => {
    for (const { close } of planted.values()) await close();
  });

  describe.each(Object.keys(stores))("%s forgets in time", (name) => {
    test("a transaction", async () => {
      const { store, expiring } = plantedIn(name);
      const taken = store.takeTransaction(expiring);
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
      await expect(store.endLogin(expiring)).resolves.toBe(false);
    });

    test("but not what has longer to live", async () => {
      const { store, lasting } = plantedIn(name);
      await expect(store.takeTransaction(lasting)).resolves.toBeDefined();
      await expect(store.takeResponse(lasting)).resolves.toBeDefined();
      await expect(store.readLogin(lasting)).resolves.toBeDefined();
    });
  });
}

interface Planted extends StoreUnderTest {
  readonly expiring: string;
  readonly lasting: string;
}

async function plant(subject: StoreUnderTest): Promise<Planted> {
  const { store } = subject;
  const [expiring, lasting] = [randomUUID(), randomUUID()];
  const now = Date.now();
  const inASecond = { ...loginRecord(), createdAt: now, endsAt: now + 1000 };
  await store.putTransaction(expiring, transaction("v1"), 1);
  await store.putTransaction(lasting, transaction("v1"), 60);
  await store.parkResponse(expiring, new Secret("code=a"), 1);
  await store.parkResponse(lasting, new Secret("code=a"), 60);
  await store.createLogin(expiring, inASecond, tokenSet("1"));
  await store.createLogin(lasting, loginRecord(), tokenSet("1"));
  await store.recordUse(expiring, Date.now());
  await store.replaceTokens(expiring, 1, tokenSet("2"));
  return { ...subject, expiring, lasting };
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
  };
}

/** A login that began just now and ends in an hour. */
export function loginRecord(subject = "alice"): LoginRecord {
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
    },
    createdAt: STARTED,
    seenAt: STARTED,
    endsAt: STARTED + 60 * MINUTE,
  };
}

const STARTED = Date.now();

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
): AccessToken {
  return { value: new Secret(value), receivedAt: STARTED, expiresAt, scope };
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
