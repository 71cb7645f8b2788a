/** What takes the place of secrets: how long they are, and whether two are the same. */
import { createHmac, randomBytes } from "node:crypto";
import type { HiddenValue } from "./model.js";

/** How much of the hash is shown, in hexadecimal digits. */
const FINGERPRINT_DIGITS = 8;

/** Hides a value. */
export type Hide = (value: string) => HiddenValue;

/** Creates it. The key is of this process: from a fingerprint nobody finds even a short secret. */
export function createHide(): Hide {
  const key = randomBytes(32);
  return (value) => ({
    length: value.length,
    fingerprint: createHmac("sha256", key)
      .update(value)
      .digest("hex")
      .slice(0, FINGERPRINT_DIGITS),
  });
}

/** Longest text that is shown, in characters. */
const MAX_SHOWN = 2000;

/** What may be a secret in a text that is none: a long run, as base64 or in hexadecimal digits. */
const LONG_RUN = /[\w+=~-]{20,}/g;

/** More changes between small and capital letters than names have, as a part of the length. */
const CHANGES_OF_RANDOM = 0.4;

/** A text of somebody else without what may be a secret in it. */
export function scrubbed(text: string): string {
  return text
    .slice(0, MAX_SHOWN)
    .replace(LONG_RUN, (run) => (looksRandom(run) ? "[cut]" : run));
}

/** Digits are in nearly every random text; where there is none, its letters tell. */
function looksRandom(run: string): boolean {
  if (/\d/.test(run)) return true;
  const changes = run.match(/[a-z](?=[A-Z])|[A-Z](?=[a-z])/g) ?? [];
  return changes.length > run.length * CHANGES_OF_RANDOM;
}

/** A hidden value in a line of text. */
export function inWords({ length, fingerprint }: HiddenValue): string {
  return `[${String(length)} characters, ${fingerprint}]`;
}
