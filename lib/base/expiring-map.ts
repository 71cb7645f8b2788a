/** A map whose entries end, for the embedded store. */

/** How often expired entries are swept out. */
const SWEEP_EVERY_MS = 60_000;

export interface ExpiringMap<Value> {
  put: (key: string, value: Value, expiresAt: number) => void;
  get: (key: string) => Value | undefined;
  take: (key: string) => Value | undefined;
}

/** A map whose entries end at a time of their own (milliseconds since 1970). */
export function expiringMap<Value>(now: () => number): ExpiringMap<Value> {
  const entries = new Map<string, { value: Value; expiresAt: number }>();
  let sweptAt = now();

  const get = (key: string): Value | undefined => {
    const entry = entries.get(key);
    return entry === undefined || entry.expiresAt <= now()
      ? undefined
      : entry.value;
  };
  return {
    put(key, value, expiresAt) {
      entries.set(key, { value, expiresAt });
      if (now() - sweptAt < SWEEP_EVERY_MS) return;
      sweptAt = now();
      for (const [candidate, entry] of entries) {
        if (entry.expiresAt <= sweptAt) entries.delete(candidate);
      }
    },
    get,
    take(key) {
      const value = get(key);
      entries.delete(key);
      return value;
    },
  };
}
