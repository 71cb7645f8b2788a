/** Every login store keeps the contract; the one in Redis also fails in time and seals what it holds. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient } from "redis";

import {
  createLoginStore,
  type LoginStore,
} from "../../../lib/stores/login-store.js";
import { createSealedBox } from "../../../lib/stores/sealed-box.js";
import { createFileDriver, keysInFolder } from "../../support/file-driver.js";
import type { RedisClient } from "../../../lib/stores/redis/redis-command.js";
import { groupsOf } from "../../../lib/stores/login-groups.js";
import { Secret } from "../../../lib/base/secret.js";
import {
  keysWith,
  kitRedisClient,
  locationOf,
  nodeRedisClient,
  type OpenClient,
} from "../../support/redis-clients.js";
import {
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
} from "../../support/redis-server.js";
import { redisCommand } from "../../support/redis-process.js";
import { beforeControl } from "../../support/before-control.js";
import { untilItWorks } from "../../support/until.js";
import { createLogin } from "../../support/create-login.js";
import { storeIn } from "../../support/stores.js";
import { theyForgetInTime } from "./contract/expiry.js";
import {
  ENDS_AT,
  loginRecord,
  origin,
  OWNER,
  type StoreUnderTest,
  takeFrom,
  tokenSet,
  transaction,
} from "./contract/subjects.js";
import { itIsALoginStore } from "./login-store-contract.js";

const SECRET = "a session secret of thirty-two characters";
const OLD_SECRET = "an older session secret of this application";

let single: RedisServer;
let cluster: RedisCluster;
let sentinel: RedisSentinel;

beforeAll(async () => {
  [single, cluster, sentinel] = await Promise.all([
    startRedis(),
    startCluster(),
    startSentinel(),
  ]);
});

afterAll(async () => {
  await Promise.all([single.stop(), cluster.stop(), sentinel.stop()]);
});

const servers = {
  "a single Redis": () => single,
  "a Redis Cluster": () => cluster,
  "Redis behind Sentinel": () => sentinel,
};
const openers = {
  "a client of node-redis": nodeRedisClient,
  redisClient: kitRedisClient,
};

const stores: Record<string, () => Promise<StoreUnderTest>> = {
  "the login store in plain files": () => {
    const folder = mkdtempSync(join(tmpdir(), "login-store-"));
    const sealedBox = createSealedBox([SECRET]);
    const open = (): LoginStore =>
      createLoginStore(createFileDriver(folder), sealedBox, "login-kit:");
    return Promise.resolve({
      store: open(),
      elsewhere: open(),
      keysWith: (text) =>
        Promise.resolve(
          keysInFolder(folder).filter((key) => key.includes(text)),
        ),
      close: () => {
        rmSync(folder, { recursive: true });
        return Promise.resolve();
      },
    });
  },
  "the embedded login store": () =>
    Promise.resolve({
      store: storeIn(undefined).loginStore,
      elsewhere: undefined,
      keysWith: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    }),
};
for (const [serverName, started] of Object.entries(servers)) {
  for (const [clientName, open] of Object.entries(openers)) {
    stores[`the login store in ${serverName}, through ${clientName}`] =
      async () => {
        const here = await open(locationOf(started()));
        const there = await open(locationOf(started()));
        return {
          store: storeWith(here.client),
          elsewhere: storeWith(there.client),
          keysWith: (text) => keysWith(started(), text),
          async close() {
            await Promise.all([here.close(), there.close()]);
          },
        };
      };
  }
}

describe.each(Object.entries(stores))("%s", (_name, open) => {
  itIsALoginStore(open);
});

theyForgetInTime(stores);

describe.each(Object.entries(openers))(
  "when Redis is silent, the login store, through %s,",
  (_name, open) => {
    const TIMEOUT_SECONDS = 1;
    let opened: OpenClient;
    let store: LoginStore;

    beforeAll(async () => {
      opened = await open(locationOf(single));
      store = storeWith(opened.client, { timeoutSeconds: TIMEOUT_SECONDS });
      await store.ping();
    });

    afterAll(async () => {
      await opened.close();
    });

    test("fails within its deadline, whatever is asked, and works again afterwards", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      single.pause();
      try {
        const codes = await beforeControl(
          4 * TIMEOUT_SECONDS * 1000,
          Promise.all(everyMethod(store).map((method) => codeOf(method))),
        );
        expect(new Set(codes)).toEqual(new Set(["ERR_STORE_UNAVAILABLE"]));
      } finally {
        single.resume();
      }
      await untilItWorks(() => store.ping());
      expect((await store.readLogin(id))?.identity.claims.sub).toBe("alice");
    });

    test("new tokens, which exist nowhere else, are kept until Redis is back", async () => {
      const id = randomUUID();
      await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
      single.pause();
      const replaced = store.replaceTokens(id, 1, tokenSet("2"));
      // Longer than a deadline.
      expect(await codeOf(() => store.ping())).toBe("ERR_STORE_UNAVAILABLE");
      single.resume();
      await expect(replaced).resolves.toBe("stored");
      const stored = await store.readTokens(id);
      // Once, though it was sent more than once.
      expect(stored?.revision).toBe(2);
      expect(stored?.tokens.refreshToken?.reveal()).toBe(
        tokenSet("2").refreshToken?.reveal(),
      );
    });
  },
);

test.each(
  Object.entries(servers).flatMap(([serverName, started]) =>
    Object.entries(openers).map(
      ([clientName, open]) => [clientName, serverName, open, started] as const,
    ),
  ),
)(
  "new tokens are held no longer once the application has closed %s for %s",
  async (_client, _server, open, started) => {
    const opened = await open(locationOf(started()));
    const id = randomUUID();
    const store = storeWith(opened.client);
    await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
    await opened.close();
    await expect(
      store.replaceTokens(id, 1, tokenSet("2")),
    ).rejects.toMatchObject({ code: "ERR_STORE_UNAVAILABLE" });
  },
);

describe("what the login store holds in Redis", () => {
  let opened: OpenClient;
  let raw: Awaited<ReturnType<typeof rawClient>>;
  let store: LoginStore;

  beforeAll(async () => {
    opened = await nodeRedisClient(locationOf(single));
    raw = await rawClient(single.url);
    store = storeWith(opened.client);
  });

  afterAll(async () => {
    await opened.close();
    raw.destroy();
  });

  test("is named with the configured prefix, and keys of one login share a Cluster slot", async () => {
    const id = randomUUID();
    const other = storeWith(opened.client, { keyPrefix: "shop:" });
    await createLogin(other, id, loginRecord(), tokenSet("1"), origin());
    expect(await keysWith(single, id)).toEqual([`shop:{${id}}:login`]);
  });

  test("lives no longer than it has to", async () => {
    const id = randomUUID();
    await store.putTransaction(id, OWNER, transaction("1"), 60);
    await store.parkResponse(id, new Secret("code=a"), 60);
    await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
    await store.replaceTokens(id, 1, tokenSet("2"));
    await store.recordUse(id, Date.now(), ENDS_AT);
    const keys = await keysWith(single, id);
    expect(keys).toHaveLength(3);
    for (const key of keys) {
      const left = await raw.pTTL(key);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(60 * 60_000);
    }
  });

  test("of a login that is not used yet goes by itself: at first after two minutes, then ten", async () => {
    const id = randomUUID();
    const login = { ...loginRecord(), seenAt: undefined };
    const left = async (): Promise<number> =>
      Math.ceil((await raw.pTTL(await keyOf(id))) / 60_000);
    await store.createLogin(id, login, tokenSet("1"), origin());
    expect(await left()).toBe(2);
    await store.activateLogin(id, login);
    expect(await left()).toBe(10);
    await store.recordUse(id, Date.now(), Date.now() + 3_600_000);
    expect(await left()).toBe(60);
    // A command that comes late undoes nothing.
    await store.createLogin(id, login, tokenSet("1"), origin());
    await store.activateLogin(id, login);
    expect(await left()).toBe(60);
    await expect(store.readLogin(id)).resolves.toBeDefined();
  });

  test("of a login that went by itself leaves no entry when the user's logins are listed", async () => {
    const id = randomUUID();
    const record = loginRecord(randomUUID());
    const [group] = groupsOf(record.identity);
    await createLogin(store, id, record, tokenSet("1"), origin());
    await raw.del(await keyOf(id));
    await expect(store.loginsOf(group)).resolves.toEqual([id]);
    await expect(store.listLogins(group)).resolves.toEqual([]);
    await expect(store.loginsOf(group)).resolves.toEqual([]);
  });

  test("of a login that has ended goes after a minute, and shows no token", async () => {
    const id = randomUUID();
    await createLogin(store, id, loginRecord(), tokenSet("hush"), origin());
    await store.endLogin(id);
    expect(await keysWith(single, id)).toEqual([`login-kit:{${id}}:ended`]);
    const key = await keyOf(id);
    const left = await raw.pTTL(key);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
    expect((await dump(key)).toString("latin1")).not.toContain("hush");
  });

  test("shows no token, verifier, nonce or code", async () => {
    const id = randomUUID();
    await store.putTransaction(id, OWNER, transaction("hush"), 60);
    await store.parkResponse(id, new Secret("code=hush"), 60);
    await createLogin(store, id, loginRecord(), tokenSet("hush"), origin());
    await store.replaceTokens(id, 1, tokenSet("hush"));
    const keys = await keysWith(single, id);
    expect(keys).toHaveLength(3);
    for (const key of keys) {
      expect((await dump(key)).toString("latin1")).not.toContain("hush");
    }
  });

  test("does not open under another key: a transaction", async () => {
    const [mine, other] = [randomUUID(), randomUUID()];
    await store.putTransaction(mine, OWNER, transaction("mine"), 60);
    await store.putTransaction(other, OWNER, transaction("other"), 60);
    const [from, to] = [await keyOf(mine), await keyOf(other)];
    await raw.sendCommand(["COPY", from, to, "REPLACE"]);
    await expect(takeFrom(store, other)).resolves.toBeUndefined();
    await expect(takeFrom(store, mine)).resolves.toBeDefined();
  });

  test("does not open under another key: a parked response as a transaction", async () => {
    const key = randomUUID();
    await store.parkResponse(key, new Secret("{}"), 60);
    const from = await keyOf(key);
    const to = from.replace("response", "transaction");
    await raw.sendCommand(["COPY", from, to]);
    await expect(takeFrom(store, key)).resolves.toBeUndefined();
  });

  test("does not open under another key: tokens", async () => {
    const [mine, other] = [randomUUID(), randomUUID()];
    await createLogin(
      store,
      mine,
      loginRecord("mallory"),
      tokenSet("mine"),
      origin(),
    );
    await createLogin(
      store,
      other,
      loginRecord("alice"),
      tokenSet("other"),
      origin(),
    );
    const sealed = await sealedTokens(other);
    await raw.hSet(await keyOf(mine), "t", sealed);
    await expect(store.readTokens(mine)).resolves.toBeUndefined();
    await expect(store.readTokens(other)).resolves.toBeDefined();
  });

  test("does not open when it was altered", async () => {
    const id = randomUUID();
    await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
    const sealed = await sealedTokens(id);
    for (const index of [0, 1, 2, 20, 40, sealed.length - 1]) {
      const altered = Buffer.from(sealed);
      altered[index] = (altered[index] ?? 0) ^ 1;
      await raw.hSet(await keyOf(id), "t", altered);
      await expect(store.readTokens(id)).resolves.toBeUndefined();
    }
  });

  test("does not open with another secret", async () => {
    const id = randomUUID();
    await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
    const stranger = storeWith(opened.client, { secrets: [OLD_SECRET] });
    await expect(stranger.readTokens(id)).resolves.toBeUndefined();
  });

  test("stays readable while secrets are rotated, and moves to the new one when it is written", async () => {
    const before = storeWith(opened.client, { secrets: [OLD_SECRET] });
    const during = storeWith(opened.client, { secrets: [SECRET, OLD_SECRET] });
    const after = storeWith(opened.client, { secrets: [SECRET] });
    const id = randomUUID();
    await createLogin(before, id, loginRecord(), tokenSet("1"), origin());
    await before.putTransaction(id, OWNER, transaction("1"), 60);

    expect((await during.readTokens(id))?.tokens.refreshToken?.reveal()).toBe(
      "refresh 1",
    );
    await expect(takeFrom(during, id)).resolves.toBeDefined();
    await expect(after.readTokens(id)).resolves.toBeUndefined();

    await during.replaceTokens(id, 1, tokenSet("2"));
    expect((await after.readTokens(id))?.tokens.refreshToken?.reveal()).toBe(
      "refresh 2",
    );
  });

  test("is of no use when it is of another type: that is a failure, not a missing login", async () => {
    const id = randomUUID();
    await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
    await raw.set(await keyOf(id), "not a hash");
    await expect(store.readLogin(id)).rejects.toMatchObject({
      code: "ERR_STORE_UNAVAILABLE",
    });
  });

  async function keyOf(text: string): Promise<string> {
    const [key = ""] = await keysWith(single, text);
    return key;
  }

  async function sealedTokens(id: string): Promise<Buffer> {
    const sealed = await raw.hGet(await keyOf(id), "t");
    if (sealed === null) throw new Error("the login has no tokens");
    return sealed;
  }

  async function dump(key: string): Promise<Buffer> {
    return (await raw.sendCommand(["DUMP", key])) as unknown as Buffer;
  }
});

describe("a login ends", () => {
  let server: RedisServer;
  let opened: OpenClient;
  let store: LoginStore;

  beforeAll(async () => {
    server = await startRedis();
    opened = await nodeRedisClient(locationOf(server));
    store = storeWith(opened.client);
  });

  afterAll(async () => {
    await opened.close();
    await server.stop();
  });

  test("although Redis is full", async () => {
    const id = randomUUID();
    await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
    await redisCommand(server.url, ["CONFIG", "SET", "maxmemory", "1"]);
    try {
      await expect(
        createLogin(
          store,
          randomUUID(),
          loginRecord(),
          tokenSet("2"),
          origin(),
        ),
      ).rejects.toMatchObject({ code: "ERR_STORE_UNAVAILABLE" });
      await expect(store.endLogin(id)).resolves.toMatchObject({ id });
      await expect(store.readLogin(id)).resolves.toBeUndefined();
      await expect(store.remainsOf(id)).resolves.toMatchObject({ id });
    } finally {
      await redisCommand(server.url, ["CONFIG", "SET", "maxmemory", "0"]);
    }
  });

  test("where an ACL forbids to rename and to publish; then nothing remains of it", async () => {
    const id = randomUUID();
    await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
    const forbidden = ["-rename", "-publish"];
    await redisCommand(server.url, ["ACL", "SETUSER", "default", ...forbidden]);
    await expect(store.endLogin(id)).resolves.toMatchObject({ id });
    await expect(store.readLogin(id)).resolves.toBeUndefined();
    await expect(store.remainsOf(id)).resolves.toBeUndefined();
    expect(await keysWith(server, id)).toEqual([]);
  });
});

function storeWith(
  client: RedisClient,
  options: Parameters<typeof storeIn>[1] = {},
): LoginStore {
  return storeIn(client, { secrets: [SECRET], ...options }).loginStore;
}

/** A client that gives out bytes as they are. */
async function rawClient(url: string) {
  const client = createClient({ url });
  await client.connect();
  // 36: RESP's blob string.
  return client.withTypeMapping({ 36: Buffer });
}

function everyMethod(store: LoginStore): (() => Promise<unknown>)[] {
  const id = randomUUID();
  const group = {
    provider: "default",
    issuer: "https://op.example",
    subject: id,
  };
  return [
    () => store.ping(),
    () => store.putTransaction(id, OWNER, transaction("1"), 60),
    () => takeFrom(store, id),
    () => store.parkResponse(id, new Secret("code=a"), 60),
    () => store.takeResponse(id),
    () => store.createLogin(id, loginRecord(), tokenSet("1"), origin()),
    () => store.activateLogin(id, loginRecord()),
    () => store.listLogins(group),
    () => store.loginsOf(group),
    () => store.refuseLogins(group, { at: 1, issuedAt: undefined }, 60),
    () => store.readLogin(id),
    () => store.readTokens(id),
    () => store.recordUse(id, Date.now(), ENDS_AT),
    () => store.endLogin(id),
    () => store.endLoginAt(id, 1),
    () => store.remainsOf(id),
    () => store.takeLock(id, "owner", 1000),
    () => store.keepLock(id, "owner", 1000),
    () => store.releaseLock(id, "owner"),
    () => store.pauseLock(id, "owner", 1000),
    () => store.readClientToken(id),
  ];
}

/** The code with which it fails. */
async function codeOf(method: () => Promise<unknown>): Promise<unknown> {
  return await method().then(
    () => "no error",
    (error: unknown) => (error as { code?: unknown }).code,
  );
}
