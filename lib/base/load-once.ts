/** Loads a module when it is first needed, so that a start does not wait for it. */

/**
 * Creates the function that gives the module, and what is made of it. After a
 * failure it is loaded again.
 *
 * `import()` alone would do; it costs more each time than a promise that is there.
 */
export function loadOnce<Loaded>(
  load: () => Promise<Loaded>,
): () => Promise<Loaded> {
  let loaded: Promise<Loaded> | undefined;
  return () =>
    (loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    }));
}
