/** The contract of login stores: tokens are replaced once, under a lock. */
import { randomUUID } from "node:crypto";

import { describe, expect, test } from "@jest/globals";

import type { LoginStore } from "../../../../lib/stores/login-store.js";
import { createLogin } from "../../../support/create-login.js";
import { until } from "../../../support/until.js";
import {
  type StoreUnderTest,
  whenOpen,
  liveKeysOf,
  loginRecord,
  origin,
  tokenSet,
  plainTokens,
  times,
} from "./subjects.js";

/** Token sets and locks. */
export function itKeepsTokens(open: () => Promise<StoreUnderTest>): void {
  let subject: StoreUnderTest;
  let store: LoginStore;
  whenOpen(open, (opened) => {
    subject = opened;
    ({ store } = opened);
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
      await expect(liveKeysOf(subject, id)).resolves.toEqual([]);
    });

    test("does not make a login that never was", async () => {
      const id = randomUUID();
      await expect(store.replaceTokens(id, 1, tokenSet("2"))).resolves.toBe(
        "ended",
      );
      await expect(subject.keysWith(id)).resolves.toEqual([]);
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
