/** The contract of login stores: claims are renewed, and the application's data stays. */
import { randomUUID } from "node:crypto";

import { beforeEach, describe, expect, test } from "@jest/globals";

import type {
  LoginRecord,
  LoginStore,
} from "../../../../lib/stores/login-store.js";
import { createLogin } from "../../../support/create-login.js";
import {
  liveKeysOf,
  loginRecord,
  MINUTE,
  origin,
  STARTED,
  type StoreUnderTest,
  tokenSet,
  whenOpen,
} from "./subjects.js";

/** The same login, with claims that were asked for at this time. */
function renewed(login: LoginRecord, claimsAt: number): LoginRecord {
  const { identity } = login;
  const claims = { ...identity.claims, roles: [String(claimsAt)] };
  return { ...login, identity: { ...identity, claims }, claimsAt };
}

/** The renewal of claims. */
export function itRenewsClaims(open: () => Promise<StoreUnderTest>): void {
  let subject: StoreUnderTest;
  let store: LoginStore;
  let id: string;
  const login = { ...loginRecord(), data: { userId: "7", plan: ["a", null] } };
  const first = renewed(login, STARTED + MINUTE);
  const second = renewed(login, STARTED + 2 * MINUTE);
  whenOpen(open, (opened) => {
    subject = opened;
    ({ store } = opened);
  });
  beforeEach(() => {
    id = randomUUID();
  });

  const create = (): Promise<unknown> =>
    createLogin(store, id, login, tokenSet("1"), origin());

  describe("the claims of a login", () => {
    test("are replaced, again and again, and nothing else changes", async () => {
      await create();
      expect(await store.replaceClaims(id, login, first)).toBe("stored");
      await expect(store.readLogin(id)).resolves.toStrictEqual(first);
      expect(await store.replaceClaims(id, first, second)).toBe("stored");
      await expect(store.readLogin(id)).resolves.toStrictEqual(second);
      expect((await store.readTokens(id))?.revision).toBe(1);
    });

    test("are not replaced by whoever knows older ones alone", async () => {
      await create();
      await store.replaceClaims(id, login, first);
      expect(await store.replaceClaims(id, login, second)).toBe("conflict");
      await expect(store.readLogin(id)).resolves.toStrictEqual(first);
    });

    test("go by new tokens and by the use of the login", async () => {
      await create();
      await store.replaceTokens(id, 1, tokenSet("2"));
      await store.recordUse(id, STARTED + MINUTE, login.endsAt);
      expect(await store.replaceClaims(id, login, first)).toBe("stored");
      await expect(store.readLogin(id)).resolves.toStrictEqual({
        ...first,
        seenAt: STARTED + MINUTE,
      });
      expect((await store.readTokens(id))?.revision).toBe(2);
    });

    test("do not bring an ended login back", async () => {
      await create();
      await store.endLogin(id);
      expect(await store.replaceClaims(id, login, first)).toBe("ended");
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(liveKeysOf(subject, id)).resolves.toEqual([]);
    });

    test("do not make a login of one that is only prepared, or never was", async () => {
      expect(await store.replaceClaims(id, login, first)).toBe("ended");
      await expect(subject.keysWith(id)).resolves.toEqual([]);
      await store.createLogin(id, login, tokenSet("1"), origin());
      expect(await store.replaceClaims(id, login, first)).toBe("ended");
    });

    test("are those of the end when the login ends", async () => {
      await create();
      await store.replaceClaims(id, login, first);
      expect((await store.endLogin(id))?.record).toStrictEqual(first);
      expect((await store.remainsOf(id))?.record).toStrictEqual(first);
    });
  });

  describe("the application's data", () => {
    test("comes back as it was: who has read it cannot alter it for others", async () => {
      await create();
      for (let round = 0; round < 2; round += 1) {
        const data = (await store.readLogin(id))?.data;
        expect(data).toStrictEqual(login.data);
        const plan = data?.["plan"] as unknown[];
        expect(() => plan.push("altered")).toThrow(TypeError);
      }
    });
  });
}
