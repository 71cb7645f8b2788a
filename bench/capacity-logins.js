/** Logins as sign-ins leave them in Redis, with tokens as providers give them. */
import { Buffer } from "node:buffer";
import { randomBytes, randomUUID } from "node:crypto";

import { readConfig } from "../dist/config/config.js";
import { createLoginKit } from "../dist/kit.js";
import { createStore } from "../dist/stores/store.js";
import { Secret } from "../dist/base/secret.js";
import { loginIdOf } from "../dist/logins/session-id.js";
import { kitOptions } from "./settings.js";

const HOUR = 60 * 60 * 1000;
const ISSUER = "https://id.example";

/** What the tokens of a login are. */
export const PROFILES = {
  "three JWTs": {
    access: (claims) => jwt({ ...claims, ...ACCESS, jti: random(16) }),
    refresh: (claims) => jwt({ ...claims, ...REFRESH, jti: random(16) }, 64),
    claims: () => ({}),
  },
  "three large JWTs": {
    access: (claims) =>
      jwt({ ...claims, ...ACCESS, jti: random(16), realm_access: ROLES }),
    refresh: (claims) => jwt({ ...claims, ...REFRESH, jti: random(16) }, 256),
    claims: () => ({
      ...PERSON,
      groups: ["/shop/buyers", "/shop/reviewers"],
      tenant: randomUUID(),
    }),
  },
  "opaque tokens": {
    access: () => random(32),
    refresh: () => random(32),
    claims: () => ({}),
  },
};

const ACCESS = {
  aud: "https://orders.example",
  client_id: "shop",
  scope: "openid profile email orders:read",
};
const REFRESH = { typ: "Refresh", aud: ISSUER, azp: "shop" };
const PERSON = {
  email: "jane.doe@example.com",
  email_verified: true,
  preferred_username: "jane.doe",
  given_name: "Jane",
  family_name: "Doe",
  locale: "en-GB",
};
const ROLES = {
  roles: ["offline_access", "default-roles-shop", "uma_authorization", "buyer"],
};

/** Of ten users seven have one login, two have two, and one has three. */
const LOGINS_OF_USERS = [1, 1, 1, 1, 1, 1, 1, 2, 2, 3];

/** Makes users sign in, each kind of tokens in turn for `mixed`. */
export function createUsers(client, profile) {
  const options = kitOptions(client, "http://127.0.0.1");
  const { session, keyPrefix } = readConfig(options, { nodeEnv: "production" });
  const settings = {
    redis: client,
    secrets: session.secrets,
    keyPrefix,
    sessionSeconds: session.absoluteTimeoutSeconds,
    timeoutSeconds: 60,
  };
  const { loginStore } = createStore(settings, () => Date.now());
  const kit = createLoginKit({ ...options, storeTimeoutSeconds: 60 });
  const kinds =
    profile === "mixed" ? Object.values(PROFILES) : [PROFILES[profile]];
  let made = 0;
  let characters = 0;
  let user = { name: randomUUID(), left: 1 };

  const signInAs = async (sub) => {
    const kind = kinds[made % kinds.length];
    made += 1;
    const now = Date.now();
    const sid = randomUUID();
    const claims = { iss: ISSUER, sub, sid, ...times(now), ...kind.claims() };
    const tokens = {
      idToken: jwt({ ...claims, aud: "shop", nonce: random(32) }),
      access: kind.access({ iss: ISSUER, sub, sid, ...times(now) }),
      refresh: kind.refresh({ iss: ISSUER, sub, sid, ...times(now) }),
    };
    characters += Object.values(tokens).join("").length;
    const sessionId = random(24);
    const id = loginIdOf(sessionId);
    const identity = {
      provider: "default",
      claims: keptOf({
        ...claims,
        name: "Jane Doe",
        email: "jane.doe@example.com",
      }),
      providerSessionId: sid,
      authenticatedAt: now,
      acr: undefined,
      sessionState: undefined,
    };
    const record = {
      identity,
      createdAt: now,
      seenAt: undefined,
      endsAt: now + 8 * HOUR,
      device: undefined,
      scope: "openid profile email",
    };
    const origin = { requestedAt: now, issuedAt: now };
    await loginStore.createLogin(id, record, tokenSet(tokens, now), origin);
    await loginStore.activateLogin(id, record);
    // The page that the browser comes back to.
    await loginStore.recordUse(id, now, now + 8 * HOUR);
  };
  return {
    signInAs,
    signIn() {
      if (user.left === 0) {
        const left = LOGINS_OF_USERS[made % LOGINS_OF_USERS.length];
        user = { name: randomUUID(), left };
      }
      user.left -= 1;
      return signInAs(user.name);
    },
    /** Characters of all tokens of a login. */
    tokenLength: () => characters / made,
    endAll: (sub) => kit.sessions.endAll(sub),
  };
}

/** What the kit keeps of claims: not those about token and session. */
function keptOf(claims) {
  const dropped = ["sid", "iat", "exp"];
  return Object.fromEntries(
    Object.entries(claims).filter(([name]) => !dropped.includes(name)),
  );
}

function tokenSet({ idToken, access, refresh }, now) {
  return {
    idToken: new Secret(idToken),
    refreshToken: new Secret(refresh),
    accessTokens: {
      "": {
        value: new Secret(access),
        type: "Bearer",
        receivedAt: now,
        expiresAt: now + HOUR / 12,
        scope: "openid profile email",
      },
    },
  };
}

function times(now) {
  const seconds = Math.floor(now / 1000);
  return { iat: seconds, exp: seconds + 300, auth_time: seconds };
}

/** Of the length that a token with these claims has; by default signed with RS256 and a key of 2048 bits. */
function jwt(claims, signatureBytes = 256) {
  const part = (value) =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const alg = signatureBytes === 256 ? "RS256" : "HS512";
  return `${part({ alg, typ: "JWT", kid: "2026-04-signing-key" })}.${part(claims)}.${random(signatureBytes)}`;
}

function random(bytes) {
  return randomBytes(bytes).toString("base64url");
}
