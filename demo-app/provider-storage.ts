/** Keeps what the bundled provider has issued, in memory: it is forgotten when the provider stops. */
import type { Adapter, AdapterFactory, AdapterPayload } from "oidc-provider";

interface Entry {
  readonly payload: AdapterPayload;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const SWEEP_INTERVAL_MILLISECONDS = 60_000;

/** Creates the storage of one provider: it hands out one adapter for each of its models. */
export function createProviderStorage(): AdapterFactory {
  const entries = new Map<string, Entry>();
  let nextSweepAt = 0;

  function find(key: string): AdapterPayload | undefined {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAt <= Date.now()) return undefined;
    return entry.payload;
  }

  function dropExpired(): void {
    const now = Date.now();
    if (now < nextSweepAt) return;
    nextSweepAt = now + SWEEP_INTERVAL_MILLISECONDS;
    for (const [key, entry] of entries) {
      if (entry.expiresAt <= now) entries.delete(key);
    }
  }

  return function storageOf(model): Adapter {
    const prefix = `${model}:`;

    return {
      upsert(id, payload, expiresIn = Infinity) {
        dropExpired();
        const expiresAt = Date.now() + expiresIn * 1000;
        entries.set(prefix + id, { payload, expiresAt });
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(find(prefix + id)),
      findByUid(uid) {
        for (const key of entries.keys()) {
          const payload = key.startsWith(prefix) ? find(key) : undefined;
          if (payload?.uid === uid) return Promise.resolve(payload);
        }
        return Promise.resolve();
      },
      // Only the device flow asks for this, and it is switched off.
      findByUserCode: () => Promise.resolve(),
      consume(id) {
        const payload = find(prefix + id);
        if (payload !== undefined) {
          payload.consumed = Math.floor(Date.now() / 1000);
        }
        return Promise.resolve();
      },
      destroy(id) {
        entries.delete(prefix + id);
        return Promise.resolve();
      },
      revokeByGrantId(grantId) {
        for (const [key, { payload }] of entries) {
          if (key.startsWith(prefix) && payload.grantId === grantId) {
            entries.delete(key);
          }
        }
        return Promise.resolve();
      },
    };
  };
}
