/** How much of what a provider says about a user is kept. */

/** How deep claims may be nested: an address is at 2. */
const MAX_DEPTH = 16;

/**
 * Longest claims of a login, in characters as JSON: they are read with every
 * guarded request. A few hundred groups have room.
 */
const MAX_LENGTH = 64 * 1024;

/** What is wrong with claims that are to be kept; undefined: nothing. */
export function excessOf(claims: object): string | undefined {
  if (isDeeper(claims, MAX_DEPTH)) {
    return `its claims are nested more than ${String(MAX_DEPTH)} levels deep`;
  }
  return JSON.stringify(claims).length > MAX_LENGTH
    ? `its claims are longer than ${String(MAX_LENGTH / 1024)} KB`
    : undefined;
}

/** Level by level: what is nested deep enough ends a function that calls itself. */
function isDeeper(claims: object, depth: number): boolean {
  let level: unknown[] = Object.values(claims);
  for (let left = depth; level.length > 0; left -= 1) {
    if (left === 0) return true;
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null
        ? (Object.values(value) as unknown[])
        : [],
    );
  }
  return false;
}
