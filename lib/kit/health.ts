/** `kit.health`: whether this process can serve users, for probes. */
import { withinDeadline } from "../base/deadline.js";
import type { LoginKitErrorCode } from "../base/failure-texts.js";
import type { Parts } from "../parts.js";

/** Less than the second after which a probe of Kubernetes gives up. */
const WITHIN_MS = 900;

/** How long an answer serves: no probe floods the store. */
const SERVES_MS = 1000;

/** Something that the kit depends on. */
export interface DependencyHealth {
  /** `unknown`: it has not answered yet, and has not failed. */
  readonly state: "up" | "down" | "unknown";
  /** Why it is down. */
  readonly code?: LoginKitErrorCode;
  /** When it answered, or failed. */
  readonly checkedAt?: Date;
}

/** What `kit.health` gives. It holds no secret and no user. */
export interface Health {
  /** False: only a restart helps, because the application has closed the store's client, and not the kit. */
  readonly live: boolean;
  /** Whether signed-in users can be served: the store answers, and `kit.close` was not called. */
  readonly ready: boolean;
  readonly store: DependencyHealth;
  /** The providers of the options, by name; `default` where there is one. One that is down says nothing against this process. */
  readonly providers: Readonly<Record<string, DependencyHealth>>;
}

/** What tells of it. */
export interface HealthWatch {
  readonly health: () => Promise<Health>;
  /** From now on the kit is closing. */
  readonly close: () => void;
}

/** Creates it. The store is asked at most once a second, a provider that was heard of in the last 15 seconds not at all. */
export function createHealth(parts: HealthParts): HealthWatch {
  const { loginStore, now } = parts;
  let isClosing = false;
  let known: { health: Promise<Health>; at: number } | undefined;

  const look = async (): Promise<Health> => {
    const [store, ...providers] = await Promise.all([
      storeHealth(parts),
      ...[...parts.config.providers.keys()].map(
        async (name) => [name, await providerHealth(name, parts)] as const,
      ),
    ]);
    return {
      live: isClosing || !loginStore.isClosed(),
      ready: !isClosing && store.state === "up",
      store,
      providers: Object.fromEntries(providers),
    };
  };
  return {
    health() {
      if (known === undefined || now() - known.at >= SERVES_MS) {
        known = { health: look(), at: now() };
      }
      return known.health;
    },
    close() {
      isClosing = true;
      known = undefined;
    },
  };
}

type HealthParts = Pick<Parts, "config" | "loginStore" | "providers" | "now">;

async function storeHealth({
  loginStore,
  now,
}: HealthParts): Promise<DependencyHealth> {
  const isUp = await inTime(loginStore.ping());
  return {
    state: isUp ? "up" : "down",
    ...(!isUp && { code: "ERR_STORE_UNAVAILABLE" }),
    checkedAt: new Date(now()),
  };
}

async function providerHealth(
  name: string,
  { providers }: HealthParts,
): Promise<DependencyHealth> {
  const provider = await providers.named(name);
  await inTime(provider.renewContact());
  const last = provider.lastContact();
  if (last === undefined) return { state: "unknown" };
  const { code, at } = last;
  return {
    state: code === undefined ? "up" : "down",
    ...(code !== undefined && { code }),
    checkedAt: new Date(at),
  };
}

/** Whether it was fulfilled, and soon. */
async function inTime(asked: Promise<void>): Promise<boolean> {
  try {
    await withinDeadline(asked, WITHIN_MS, () => new Error("no answer"));
    return true;
  } catch {
    return false;
  }
}
