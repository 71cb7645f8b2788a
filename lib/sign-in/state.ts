/** The `state` of a sign-in: what it is found by, and compared with. */
import { createHash, timingSafeEqual } from "node:crypto";
import { LoginKitError } from "../base/errors.js";
import type { Transaction } from "../stores/login-store.js";
import { check } from "../telling/witness.js";

/** What a sign-in is found by. It cannot be turned back into the `state`. */
export function hashOfState(state: string): string {
  return createHash("sha256").update(state).digest("base64url");
}

/** What a sign-in that begins will be found by. */
export function stateHashOf({ state }: Transaction): string {
  return hashOfState(state.reveal());
}

/**
 * Refuses an answer that does not name the `state` of this sign-in.
 *
 * @throws {LoginKitError} `ERR_CALLBACK_MALFORMED`
 */
export function refuseOtherState(
  transaction: Transaction,
  state: string,
): void {
  check(
    "state",
    isAnswerTo(transaction, state),
    () =>
      new LoginKitError("ERR_CALLBACK_MALFORMED", {
        message: "authorization response: its state is not this sign-in's",
      }),
  );
}

/**
 * Whether an answer names the `state` of this sign-in. It was found by a hash
 * of it; the record itself has the last word.
 */
export function isAnswerTo(transaction: Transaction, state: string): boolean {
  // Hashes have one length, which a comparison in constant time needs.
  const [expected, given] = [transaction.state.reveal(), state].map((value) =>
    createHash("sha256").update(value).digest(),
  ) as [Buffer, Buffer];
  return timingSafeEqual(expected, given);
}
