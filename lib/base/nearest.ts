/** Which name somebody meant who wrote another one. */

/** The most letters that may be wrong. */
const MAX_DISTANCE = 2;

/** The fewest letters of a name that count as its beginning. */
const MIN_BEGINNING = 3;

/** The known name that is nearest, by spelling, by letter case, or because one begins with the other. */
export function nearest(
  name: string,
  known: readonly string[],
): string | undefined {
  const wanted = plain(name);
  const isNear = [
    (other: string) => other === wanted,
    (other: string) => beginsWith(other, wanted) || beginsWith(wanted, other),
    (other: string) =>
      distance(other, wanted) <= Math.min(MAX_DISTANCE, wanted.length / 3),
  ];
  return isNear
    .map((test) => known.find((other) => test(plain(other))))
    .find((found) => found !== undefined);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function beginsWith(name: string, beginning: string): boolean {
  return beginning.length >= MIN_BEGINNING && name.startsWith(beginning);
}

/** Letters to add, to take away or to change (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [line, letter] of Array.from(from).entries()) {
    const next = [line + 1];
    for (let column = 1; column <= to.length; column += 1) {
      next.push(
        Math.min(
          (row[column] ?? 0) + 1,
          (next[column - 1] ?? 0) + 1,
          (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
