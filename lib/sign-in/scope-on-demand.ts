/** The scope values that guards ask for: what `/login` may add to the configured scope. */

/** Scope values that are named by guards. */
export interface ScopeOnDemand {
  /** A guard asks for these. */
  readonly name: (scope: readonly string[]) => void;
  /** Those of these that no guard has named. */
  readonly unnamed: (scope: readonly string[]) => readonly string[];
}

/** Creates it; guards are made at the start, so it does not grow afterwards. */
export function createScopeOnDemand(): ScopeOnDemand {
  const named = new Set<string>();
  return {
    name(scope) {
      for (const value of scope) named.add(value);
    },
    unnamed: (scope) => scope.filter((value) => !named.has(value)),
  };
}
