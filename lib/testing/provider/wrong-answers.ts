/** Wrong answers that a test has ordered, each for one time. */
import type { Change, Json, WrongAnswers } from "./misbehaviour.js";
import type { ProviderState } from "./state.js";

/** What was ordered for this kind of answer; it is then used up. */
export function takeNext<Kind extends keyof WrongAnswers>(
  state: ProviderState,
  kind: Kind,
): WrongAnswers[Kind] {
  const { [kind]: wrong, ...rest } = state.next;
  state.next = rest;
  return wrong;
}

/** The wrong answer. */
export function changed(right: Json, change: Change): Json {
  if (typeof change === "function") return change(right);
  const { state, iss } = right;
  // An error still says to which authorization request, and whose it is.
  const base = "error" in change ? { state, iss } : right;
  const members = Object.entries({ ...base, ...change });
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}
