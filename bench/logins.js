/** Puts signed-in users into Redis, as each server would have done it. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

import { RedisStore } from "connect-redis";
import { sign } from "cookie-signature";
import { createClient } from "redis";

import { readConfig } from "../dist/config/config.js";
import { createStore } from "../dist/stores/store.js";
import { Secret } from "../dist/base/secret.js";
import { loginIdOf } from "../dist/logins/session-id.js";
import { newProofKey } from "../dist/provider/proof-keys.js";
import {
  COOKIE,
  kitOptions,
  PLAIN_PREFIX,
  SECRET,
  SESSION_PREFIX,
} from "./settings.js";

const HOUR = 60 * 60 * 1000;
const AT_ONCE = 50;

/**
 * @param algorithm by which proofs of the kit's tokens are signed (DPoP); undefined: Bearer
 * @returns for each kind of server the `Cookie` headers of so many users
 */
export async function createLogins(redisUrl, count, algorithm) {
  const client = createClient({ url: redisUrl });
  await client.connect();
  const one = storeOf(client, false);
  const several = storeOf(client, true);
  const sessionStore = new RedisStore({ client, prefix: SESSION_PREFIX });
  const now = Date.now();
  const signIn = async (index) => {
    const claims = claimsOf(index);
    const tokens = {
      idToken: jwt(claims),
      accessToken: jwt({ ...claims, scope: "openid profile email" }),
      refreshToken: random(32),
    };
    const sessionId = random(24);
    const id = loginIdOf(sessionId);
    const origin = { requestedAt: now, issuedAt: now };
    const proofKey = algorithm && (await newProofKey(algorithm));
    for (const { loginStore, provider } of [one, several]) {
      const login = kitLogin(provider, claims, now);
      const kept = kitTokens(tokens, now, proofKey);
      await loginStore.createLogin(id, login, kept, origin);
      await loginStore.activateLogin(id, login);
    }
    await sessionStore.set(sessionId, {
      cookie: {
        originalMaxAge: HOUR / 2,
        expires: new Date(now + HOUR / 2),
        secure: true,
        httpOnly: true,
        path: "/",
        sameSite: "lax",
      },
      user: claims,
      tokens: { ...tokens, expiresAt: now + HOUR },
    });
    // About as much as the kit reads of a login.
    await client.set(PLAIN_PREFIX + sessionId, JSON.stringify({ claims, now }));
    return {
      kit: cookie(one.cookieName, sessionId),
      expressSession: cookie(COOKIE, sessionId),
      oneGet: `${COOKIE}=${sessionId}`,
    };
  };
  const cookies = [];
  while (cookies.length < count) {
    const next = Array.from({ length: AT_ONCE }, (_, i) => cookies.length + i);
    cookies.push(...(await Promise.all(next.map(signIn))));
  }
  client.destroy();
  return {
    kit: cookies.map(({ kit }) => kit),
    expressSession: cookies.map(({ expressSession }) => expressSession),
    oneGet: cookies.map(({ oneGet }) => oneGet),
  };
}

/** Where a kit with one provider, or with several, keeps its logins. */
function storeOf(client, hasSeveral) {
  const options = kitOptions(client, "http://127.0.0.1", hasSeveral);
  const { session, keyPrefix } = readConfig(options, { nodeEnv: "production" });
  const settings = {
    redis: client,
    secrets: session.secrets,
    keyPrefix,
    sessionSeconds: 8 * 60 * 60,
    timeoutSeconds: 30,
  };
  return {
    ...createStore(settings, () => Date.now()),
    cookieName: session.cookieName,
    provider: hasSeveral ? "third" : "default",
  };
}

function kitLogin(provider, claims, now) {
  return {
    identity: {
      provider,
      claims,
      providerSessionId: random(16),
      authenticatedAt: now,
      acr: undefined,
      sessionState: undefined,
    },
    createdAt: now,
    seenAt: now,
    endsAt: now + 8 * HOUR,
    device: undefined,
  };
}

function kitTokens({ idToken, refreshToken, accessToken }, now, proofKey) {
  const token = {
    value: new Secret(accessToken),
    type: proofKey === undefined ? "Bearer" : "DPoP",
    receivedAt: now,
    expiresAt: now + HOUR,
    scope: "openid profile email",
    proofKey,
  };
  return {
    idToken: new Secret(idToken),
    refreshToken: new Secret(refreshToken),
    accessTokens: { "": token },
    proofKey,
  };
}

function claimsOf(index) {
  return {
    iss: "https://id.example",
    sub: `248289761-${index}`,
    name: `Jane Doe ${index}`,
    email: `janedoe.${index}@example.com`,
    email_verified: true,
    auth_time: 1_700_000_000,
  };
}

function cookie(name, sessionId) {
  return `${name}=${encodeURIComponent(`s:${sign(sessionId, SECRET)}`)}`;
}

/** Of the length that a token with these claims has, signed with RS256. */
function jwt(claims) {
  const part = (value) =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", kid: random(16) })}.${part(claims)}.${random(256)}`;
}

function random(bytes) {
  return randomBytes(bytes).toString("base64url");
}
