import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, test } from "@jest/globals";
import fc from "fast-check";
import { createClient } from "redis";

import type { LoginStore } from "../../lib/stores/login-store.js";
import { storeIn } from "../support/stores.js";
import { Secret } from "../../lib/base/secret.js";
import { createLogin } from "../support/create-login.js";

/** What one process does to one of the logins. */
type Step =
  | { readonly what: "refresh"; readonly login: number }
  /** Writes what it read some steps ago, as a slow or frozen process would. */
  | { readonly what: "late write"; readonly login: number }
  | { readonly what: "use"; readonly login: number }
  | { readonly what: "end"; readonly login: number }
  | { readonly what: "end rejected"; readonly login: number };

const LOGINS = 3;

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant("refresh" as const) },
    { weight: 4, arbitrary: fc.constant("late write" as const) },
    { weight: 4, arbitrary: fc.constant("use" as const) },
    { weight: 1, arbitrary: fc.constant("end" as const) },
    { weight: 1, arbitrary: fc.constant("end rejected" as const) },
  ),
  login: fc.integer({ min: 0, max: LOGINS - 1 }),
});

const processes = fc.tuple(
  fc.array(step, { minLength: 1, maxLength: 15 }),
  fc.array(step, { minLength: 1, maxLength: 15 }),
);

/** The tokens of a login say whose they are and how new they are. */
function tokens(login: number, generation: number) {
  const text = `${String(login)}:${String(generation)}`;
  return {
    idToken: new Secret(text),
    refreshToken: new Secret(text),
    accessTokens: {
      "": {
        value: new Secret(text),
        type: "Bearer",
        receivedAt: generation,
        expiresAt: undefined,
        scope: undefined,
      },
    },
  };
}

function readText(text: string | undefined): [number, number] {
  const [login = NaN, generation = NaN] = (text ?? "").split(":").map(Number);
  return [login, generation];
}

/** Runs both processes at once and watches what each of them gets to read. */
async function race(
  stores: readonly [LoginStore, LoginStore],
  [first, second]: readonly [readonly Step[], readonly Step[]],
): Promise<void> {
  const ids = Array.from({ length: LOGINS }, () => randomUUID());
  const ended = new Set<number>();
  const newest = new Map<number, number>();
  const now = Date.now();
  await Promise.all(
    ids.map((id, login) =>
      createLogin(
        stores[0],
        id,
        {
          identity: {
            provider: "default",
            claims: { iss: "https://op.example", sub: String(login) },
            providerSessionId: undefined,
            authenticatedAt: now,
            acr: undefined,
            sessionState: undefined,
          },
          createdAt: now,
          seenAt: now,
          endsAt: now + 60_000,
          device: undefined,
        },
        tokens(login, 1),
        { requestedAt: now, issuedAt: now },
      ),
    ),
  );

  const live = async (store: LoginStore, steps: readonly Step[]) => {
    const remembered = new Map<number, number>();
    for (const { what, login } of steps) {
      const id = ids[login] ?? "";
      const endedBefore = ended.has(login);
      const newestBefore = newest.get(login) ?? 1;
      const stored = await store.readTokens(id);
      if (endedBefore && stored !== undefined) {
        throw new Error(`login ${String(login)} came back after its end`);
      }
      const [owner, generation] = readText(
        stored?.tokens.refreshToken?.reveal(),
      );
      if (stored !== undefined) {
        if (owner !== login) throw new Error("tokens of another login");
        if (generation < newestBefore) throw new Error("older tokens are back");
      }
      if (what === "refresh" && stored !== undefined) {
        remembered.set(login, remembered.get(login) ?? stored.revision);
        const next = tokens(login, generation + 1);
        const outcome = await store.replaceTokens(id, stored.revision, next);
        if (outcome === "stored") {
          newest.set(login, Math.max(newest.get(login) ?? 1, generation + 1));
        }
      } else if (what === "late write") {
        const revision = remembered.get(login);
        if (revision === undefined) continue;
        const outcome = await store.replaceTokens(
          id,
          revision,
          tokens(login, 0),
        );
        if (outcome === "stored") throw new Error("a late write was taken");
        if (await store.endLoginAt(id, revision)) {
          throw new Error("a late rejection ended a login with newer tokens");
        }
      } else if (what === "use") {
        await store.recordUse(id, now + 1, now + 60_000);
      } else if (what === "end") {
        await store.endLogin(id);
        ended.add(login);
      } else if (what === "end rejected" && stored !== undefined) {
        if (await store.endLoginAt(id, stored.revision)) ended.add(login);
      }
      const record = await store.readLogin(id);
      if (
        record !== undefined &&
        record.identity.claims.sub !== String(login)
      ) {
        throw new Error("the record of another login");
      }
    }
  };
  await Promise.all([live(stores[0], first), live(stores[1], second)]);
  for (const login of ended) {
    const left = await stores[0].readLogin(ids[login] ?? "");
    if (left !== undefined) throw new Error("an ended login was left behind");
  }
}

describe("two processes that refresh, save, sign out and end logins in any order", () => {
  const clients = [0, 1].map(() =>
    createClient({ url: process.env["TEST_REDIS_URL"] ?? "" }),
  );
  beforeAll(() => Promise.all(clients.map((client) => client.connect())));
  afterAll(() => {
    for (const client of clients) client.destroy();
  });

  const redisStore = (index: number): LoginStore =>
    storeIn(clients[index] ?? createClient(), {
      keyPrefix: "races:",
      timeoutSeconds: 5,
    }).loginStore;

  test("newer tokens are never replaced by older ones, an ended login never comes back, and no login sees another's tokens: in Redis", async () => {
    const stores = [redisStore(0), redisStore(1)] as const;
    await fc.assert(
      fc.asyncProperty(processes, (steps) => race(stores, steps)),
      { numRuns: 300 },
    );
  }, 240_000);

  test("and in the embedded store", async () => {
    const store = storeIn(undefined).loginStore;
    await fc.assert(
      fc.asyncProperty(processes, (steps) => race([store, store], steps)),
      { numRuns: 1000 },
    );
  }, 240_000);
});
