/** Keys of the client as an application hands them over: some that stay, or a function that is asked at each use. */

/**
 * Where keys come from. Nothing in it is made anew at each reading, so that the
 * same options are known for the same (`findProvider`).
 */
export interface KeySource<Key> {
  /** Undefined: a function gives them. */
  readonly known: readonly Key[] | undefined;
  /** The application's function. */
  readonly ask: (() => unknown) | undefined;
}

/** Reads one key. Throws an error that says what is wrong with it, and nothing of the key itself. */
export type ReadKey<Key> = (given: unknown) => Key;

/**
 * Reads one key, a list of them, or takes a function for later.
 *
 * @throws {Error} that says what is wrong with one
 */
export function readKeySource<Key>(
  given: unknown,
  readKey: ReadKey<Key>,
): KeySource<Key> {
  return typeof given === "function"
    ? { known: undefined, ask: given as () => unknown }
    : { known: readList(given, readKey), ask: undefined };
}

/** The keys as they are now. Rejects where the function fails, or gives what is no key. */
export async function keysNow<Key>(
  { known, ask }: KeySource<Key>,
  readKey: ReadKey<Key>,
): Promise<readonly Key[]> {
  return known ?? readList(await ask?.(), readKey);
}

function readList<Key>(given: unknown, readKey: ReadKey<Key>): readonly Key[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw new Error("is an empty list of keys");
  return list.map(readKey);
}
