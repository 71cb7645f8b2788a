/** The contract of login stores: sign-ins in progress, parked answers, tokens of the application. */
import { randomUUID } from "node:crypto";

import { describe, expect, test } from "@jest/globals";

import { Secret } from "../../../../lib/base/secret.js";
import type { LoginStore } from "../../../../lib/stores/login-store.js";
import { until } from "../../../support/until.js";
import {
  type StoreUnderTest,
  whenOpen,
  OWNER,
  takeFrom,
  aToken,
  transaction,
  plainTransaction,
  times,
} from "./subjects.js";

/** Sign-ins in progress, and single values. */
export function itKeepsSignIns(open: () => Promise<StoreUnderTest>): void {
  let store: LoginStore;
  whenOpen(open, (opened) => {
    ({ store } = opened);
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
}
