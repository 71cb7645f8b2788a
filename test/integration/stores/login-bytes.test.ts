/** How much of Redis a login takes, with everything that leads to it, counted by Redis. */
import { hash, randomUUID } from "node:crypto";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { Secret } from "../../../lib/base/secret.js";
import { keyPrefixOf } from "../../../lib/stores/key-prefix.js";
import type {
  LoginRecord,
  LoginStore,
  TokenSet,
} from "../../../lib/stores/login-store.js";
import { createLogin } from "../../support/create-login.js";
import {
  keysWith,
  nodeRedisClient,
  type OpenClient,
} from "../../support/redis-clients.js";
import { redisCommand } from "../../support/redis-process.js";
import { type RedisServer, startRedis } from "../../support/redis-server.js";
import { storeIn } from "../../support/stores.js";

const ISSUER = "https://id.example";
const NOW = 1_790_000_000_000;
const HOUR = 3_600_000;

let redis: RedisServer;
let opened: OpenClient;
let store: LoginStore;

beforeAll(async () => {
  redis = await startRedis();
  opened = await nodeRedisClient({ url: redis.url });
  const keyPrefix = keyPrefixOf("login-kit:", [ISSUER, "shop"]);
  store = storeIn(opened.client, { keyPrefix }).loginStore;
});

afterAll(async () => {
  await opened.close();
  await redis.stop();
});

/** Bytes of a login in use, alone in Redis, with the entries that lead to it. */
async function bytesOf({
  access,
  refresh,
}: {
  readonly access: string;
  readonly refresh: string;
}): Promise<number> {
  await redisCommand(redis.url, ["FLUSHALL"]);
  const id = letters("the id of the login", 16);
  const idToken = jwt({ aud: "shop", nonce: letters("nonce", 32) }, 256);
  const tokens = tokenSet(idToken, access, refresh);
  const origin = { requestedAt: NOW, issuedAt: NOW };
  await createLogin(store, id, record(), tokens, origin);
  await store.recordUse(id, NOW, NOW + 8 * HOUR);
  const keys = await keysWith(redis, "");
  expect(keys).toHaveLength(3);
  const sizes = await Promise.all(
    keys.map((key) =>
      redisCommand(redis.url, ["MEMORY", "USAGE", key, "SAMPLES", "0"]),
    ),
  );
  return sizes.map(Number).reduce((sum, one) => sum + one, 0);
}

test("three JWTs: at most 2,000 bytes", async () => {
  const bytes = await bytesOf({
    access: jwt({ scope: "openid profile email orders:read" }, 256),
    refresh: jwt({ typ: "Refresh", azp: "shop", aud: ISSUER }, 64),
  });
  expect(bytes).toBeLessThanOrEqual(2000);
});

// More than half of it: the ID Token's signature and ids, and what each key takes in Redis.
test("an ID Token and opaque tokens: at most 1,560 bytes", async () => {
  const bytes = await bytesOf({
    access: letters("access", 32),
    refresh: letters("refresh", 32),
  });
  expect(bytes).toBeLessThanOrEqual(1560);
});

const SUB = randomUUID();
const SID = randomUUID();

function record(): LoginRecord {
  return {
    identity: {
      provider: "default",
      claims: {
        iss: ISSUER,
        sub: SUB,
        auth_time: NOW / 1000,
        name: "Jane Doe",
        email: "jane.doe@example.com",
      },
      providerSessionId: SID,
      authenticatedAt: NOW,
      acr: undefined,
      sessionState: undefined,
    },
    createdAt: NOW,
    seenAt: undefined,
    endsAt: NOW + 8 * HOUR,
    device: undefined,
    scope: "openid profile email",
  };
}

function tokenSet(idToken: string, access: string, refresh: string): TokenSet {
  return {
    idToken: new Secret(idToken),
    refreshToken: new Secret(refresh),
    accessTokens: {
      "": {
        value: new Secret(access),
        type: "Bearer",
        receivedAt: NOW,
        expiresAt: NOW + HOUR,
        scope: "openid profile email",
      },
    },
  };
}

function jwt(claims: object, signatureBytes: number): string {
  const part = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const seconds = NOW / 1000;
  const payload = {
    ...{ iss: ISSUER, sub: SUB, sid: SID, iat: seconds, exp: seconds + 300 },
    ...{ auth_time: seconds, jti: letters(JSON.stringify(claims), 16) },
    ...claims,
  };
  const header = { alg: "RS256", typ: "JWT", kid: "2026-04-signing-key" };
  return `${part(header)}.${part(payload)}.${letters("signature", signatureBytes)}`;
}

/** As good as random, and the same in every run. */
function letters(seed: string, bytes: number): string {
  const parts = Array.from({ length: Math.ceil(bytes / 32) }, (_, index) =>
    hash("sha256", `${seed} ${String(index)}`, "buffer"),
  );
  return Buffer.concat(parts).subarray(0, bytes).toString("base64url");
}
