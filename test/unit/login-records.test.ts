/** Login records as they are stored: those of older versions open after a deployment. */
import { expect, test } from "@jest/globals";

import { createOpenedLogins } from "../../lib/stores/opened-logins.js";
import {
  plainLoginRecord,
  toLoginRecord,
} from "../../lib/stores/plain-records.js";
import { createSealedBox } from "../../lib/stores/sealed-box.js";

/** As it was written before logins had data of the application and claims that are renewed. */
const OLD =
  '{"version":2,"identity":{"provider":"default","claims":{"iss":"https://op.example","sub":"alice"},"providerSessionId":"s","authenticatedAt":1000,"acr":"gold","sessionState":"h.s"},"createdAt":2000,"endsAt":3000,"device":{"userAgent":"b","address":"192.0.2.1"}}';

test("a record that was stored before opens, and says nothing of what it lacks", () => {
  expect(toLoginRecord(OLD, 2500)).toStrictEqual({
    identity: {
      provider: "default",
      claims: { iss: "https://op.example", sub: "alice" },
      providerSessionId: "s",
      authenticatedAt: 1000,
      acr: "gold",
      sessionState: "h.s",
    },
    createdAt: 2000,
    endsAt: 3000,
    seenAt: 2500,
    device: { userAgent: "b", address: "192.0.2.1" },
  });
});

test("a record without the new members is written as it was", () => {
  const record = toLoginRecord(OLD, 2500);
  expect(record && JSON.stringify(plainLoginRecord(record))).toBe(OLD);
});

test("data and the time of the claims come back", () => {
  const record = toLoginRecord(OLD, undefined);
  const more = { claimsAt: 2200, data: { userId: "7" } };
  const text =
    record && JSON.stringify(plainLoginRecord({ ...record, ...more }));
  expect(toLoginRecord(text ?? "", undefined)).toMatchObject(more);
});

test("a record of another version is none", () => {
  expect(toLoginRecord(OLD.replace('"version":2', '"version":3'), 1)).toBe(
    undefined,
  );
});

test("what all requests of a login get of the store, none of them can change", () => {
  const opened = createOpenedLogins(createSealedBox(["a secret of tests"]));
  const record = toLoginRecord(OLD, 2500);
  if (record === undefined) throw new Error("no record");
  const sealed = opened.seal("key", {
    ...record,
    data: { roles: ["admin"] },
    state: { cart: { items: 1 } },
  });
  const found = opened.open("key", sealed);
  expect(opened.open("key", sealed)).toBe(found);
  for (const part of [
    found,
    found?.identity,
    found?.identity.claims,
    found?.data?.["roles" as never],
    found?.state?.["cart"],
  ]) {
    expect(Object.isFrozen(part)).toBe(true);
    expect(part).toBeInstanceOf(Object);
  }
});
