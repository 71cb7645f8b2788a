/** Lays two runs side by side: which of their messages belong together, and what differs. */
import type { Arrow, Run } from "../model.js";
import { isHidden } from "./same-values.js";
import { arrowsOf } from "./words.js";

/** How a secret is told within a text, such as a parameter in a URL. */
const SECRET = /\[\d+ characters, [0-9a-f]+\]/g;

/** Two messages that belong together, or one that the other run lacks. */
export interface Pair {
  readonly left: Arrow | undefined;
  readonly right: Arrow | undefined;
  readonly differences: readonly string[];
}

/** An answer is slower if it takes more than so many times as long, and longer by so much. */
const SLOWER_TIMES = 2;
const SLOWER_MS = 50;

/** The messages of two runs in order, aligned by message and direction. */
export function compareRuns(left: Run, right: Run): readonly Pair[] {
  const lefts = arrowsOf(left);
  const rights = arrowsOf(right);
  return aligned(lefts, rights).map(([one, other]) => ({
    left: one,
    right: other,
    differences: differencesOf(one, other, lefts, rights),
  }));
}

type Aligned = readonly [Arrow | undefined, Arrow | undefined];

/** By the longest common subsequence. */
function aligned(lefts: readonly Arrow[], rights: readonly Arrow[]): Aligned[] {
  const isSame = (one: Arrow, other: Arrow): boolean =>
    one.message === other.message && one.direction === other.direction;
  // How many pairs are left from here on, counted from the end.
  const counts = lefts.map(() => rights.map(() => 0));
  const countAt = (row: number, column: number): number =>
    counts[row]?.[column] ?? 0;
  for (let row = lefts.length - 1; row >= 0; row -= 1) {
    for (let column = rights.length - 1; column >= 0; column -= 1) {
      const [one, other, line] = [lefts[row], rights[column], counts[row]];
      if (one === undefined || other === undefined || line === undefined)
        continue;
      line[column] = isSame(one, other)
        ? countAt(row + 1, column + 1) + 1
        : Math.max(countAt(row + 1, column), countAt(row, column + 1));
    }
  }
  const pairs: Aligned[] = [];
  let row = 0;
  let column = 0;
  while (row < lefts.length || column < rights.length) {
    const one = lefts[row];
    const other = rights[column];
    if (one !== undefined && other !== undefined && isSame(one, other)) {
      pairs.push([one, other]);
      row += 1;
      column += 1;
    } else if (
      other === undefined ||
      (one !== undefined &&
        countAt(row + 1, column) >= countAt(row, column + 1))
    ) {
      pairs.push([one, undefined]);
      row += 1;
    } else {
      pairs.push([undefined, other]);
      column += 1;
    }
  }
  return pairs;
}

function differencesOf(
  left: Arrow | undefined,
  right: Arrow | undefined,
  lefts: readonly Arrow[],
  rights: readonly Arrow[],
): string[] {
  if (left === undefined || right === undefined) {
    return [
      left === undefined ? "only in the right run" : "only in the left run",
    ];
  }
  return [
    ...(left.status === right.status
      ? []
      : [`status ${left.status ?? "none"} ≠ ${right.status ?? "none"}`]),
    ...timeDifference(waitOf(left, lefts), waitOf(right, rights)),
    ...fieldDifferences(left, right),
    ...checkDifferences(left, right),
  ];
}

/** How long an answer was waited for; undefined for requests. */
function waitOf(
  { answers, at }: Arrow,
  arrows: readonly Arrow[],
): number | undefined {
  const asked = arrows.find(({ id }) => id === answers);
  return asked && at - asked.at;
}

function timeDifference(
  left: number | undefined,
  right: number | undefined,
): string[] {
  if (left === undefined || right === undefined) return [];
  const [short, long] = [Math.min(left, right), Math.max(left, right)];
  if (long < short * SLOWER_TIMES || long - short < SLOWER_MS) return [];
  const more = `${Math.round(long - short)} ms`;
  return [`the ${left > right ? "left" : "right"} answer took ${more} longer`];
}

function fieldDifferences(left: Arrow, right: Arrow): string[] {
  const lefts = valuesOf(left);
  const rights = valuesOf(right);
  const names = [...new Set([...lefts.keys(), ...rights.keys()])];
  return names.flatMap((name) => {
    const one = lefts.get(name);
    const other = rights.get(name);
    if (one === other) return [];
    if (one === undefined) return [`${name} only in the right run`];
    if (other === undefined) return [`${name} only in the left run`];
    return [`${name}: ${one} ≠ ${other}`];
  });
}

/** Fields by name. A secret is another one in each run: only that it is there is compared. */
function valuesOf({ fields }: Arrow): ReadonlyMap<string, string> {
  return new Map(
    fields.map(({ name, value }) => [
      name,
      isHidden(value) ? "a secret" : value.replace(SECRET, "[secret]"),
    ]),
  );
}

function checkDifferences(left: Arrow, right: Arrow): string[] {
  return left.checks.flatMap(({ name, result }) => {
    const other = right.checks.find((check) => check.name === name);
    return other === undefined || other.result === result
      ? []
      : [`check ${name}: ${result} ≠ ${other.result}`];
  });
}
