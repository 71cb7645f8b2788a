/** isAcceptedAcr: which authentication contexts are good enough where others are asked for. */
import { expect, test } from "@jest/globals";

import { isAcceptedAcr } from "../../lib/base/acr.js";

const ORDER = ["bronze", "silver", "gold"];

test("without an order, exactly those that are named are accepted", () => {
  expect(isAcceptedAcr("silver", ["bronze", "silver"], [])).toBe(true);
  expect(isAcceptedAcr("gold", ["bronze", "silver"], [])).toBe(false);
});

test("with an order, whatever is as strong as the weakest that is named", () => {
  for (const [strength, acr] of ORDER.entries()) {
    for (const [wanted, weakest] of ORDER.entries()) {
      for (const accepted of [[weakest], ["gold", weakest]]) {
        const isEnough = strength >= wanted || accepted.includes(acr);
        expect(isAcceptedAcr(acr, accepted, ORDER)).toBe(isEnough);
      }
    }
  }
});

test("what is not in the order is good for itself alone, and nothing is stronger than it", () => {
  expect(isAcceptedAcr("other", ["other"], ORDER)).toBe(true);
  expect(isAcceptedAcr("other", ["bronze"], ORDER)).toBe(false);
  expect(isAcceptedAcr("gold", ["other"], ORDER)).toBe(false);
});

test.each([undefined, null, 1, "", "GOLD", ["gold"], { gold: true }])(
  "%j is accepted nowhere",
  (acr) => {
    expect(isAcceptedAcr(acr, ["bronze", "gold"], ORDER)).toBe(false);
  },
);
