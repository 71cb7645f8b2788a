/** Does something for many, some at a time. */

/** How many at the same time: a Redis client refuses more than a few thousand waiting commands. */
const AT_ONCE = 100;

/**
 * What came of each, in order.
 *
 * All are tried, also after a failure; then the first failure is thrown.
 */
export async function inParts<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const failures: unknown[] = [];
  for (let first = 0; first < items.length; first += AT_ONCE) {
    const part = items.slice(first, first + AT_ONCE);
    for (const outcome of await Promise.allSettled(part.map(act))) {
      if (outcome.status === "fulfilled") results.push(outcome.value);
      else failures.push(outcome.reason);
    }
  }
  if (failures.length > 0) throw failures[0];
  return results;
}
