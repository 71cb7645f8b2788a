/** Which of the provider's keys a token is verified with, and when they are fetched anew. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import type { Misbehaviour } from "../support/lying-provider.js";
import { type LogoutWorld, logoutWorld } from "../support/logout-world.js";
import type { PublishedKey } from "../../lib/testing/provider/keys.js";

let w: LogoutWorld;
beforeEach(takeClock);
afterEach(async () => {
  releaseClock();
  await w.close();
});

async function start(misbehave: Misbehaviour = {}): Promise<void> {
  w = await logoutWorld({ misbehave });
}

async function isSignedInAfterSignIn(): Promise<boolean> {
  await w.signIn("alice");
  return w.isSignedIn();
}

/** Answers this where the JWK Set should be. */
function publishing(
  body: (right: readonly PublishedKey[]) => unknown,
): Misbehaviour {
  return {
    intercept(req, res, next) {
      if (req.path !== "/jwks") next();
      else res.json(body(w.provider.keys.jwks));
    },
  };
}

const withoutKid = ({ kid: _removed, ...key }: PublishedKey): PublishedKey =>
  key;
const signing = (keys: readonly PublishedKey[]): PublishedKey[] =>
  keys.filter(({ kid = "" }) => /^key-\d-(?:rsa|ec|ed)$/.test(kid));

/** Tokens and JWK Set without names. */
const nameless: Misbehaviour = {
  jwks: (right) => signing(right).map(withoutKid),
  idToken: { header: { kid: undefined } },
};

function signedBy(token: string, key: KeyObject): string {
  const input = token.split(".").slice(0, 2).join(".");
  const signature = sign("sha256", Buffer.from(input), key);
  return `${input}.${signature.toString("base64url")}`;
}

describe("RFC 7517 5: what nobody can use is passed over", () => {
  const odd = [null, "a key", 1, true, ["a"], {}, { kty: 1 }, { kty: "RSA" }];

  test.each(odd)("%j beside the right key", async (entry) => {
    await start();
    w.provider.misbehave = publishing((right) => ({
      keys: [entry, ...right, entry],
    }));
    expect(await isSignedInAfterSignIn()).toBe(true);
  });

  test("unusable entries under the right kid", async () => {
    await start();
    w.provider.misbehave = publishing((right) => {
      const kid = right[1]?.kid;
      const broken = [
        { kty: "RSA", kid, n: "AQAB" },
        { kty: "RSA", kid, n: 1, e: [] },
        { kty: "RSA", kid, n: "!", e: "!" },
        { kty: "oct", kid, k: "AA" },
      ];
      return { keys: [...broken, ...right] };
    });
    expect(await isSignedInAfterSignIn()).toBe(true);
  });

  test("10,000 entries", async () => {
    await start();
    w.provider.misbehave = publishing((right) => ({
      keys: [
        ...Array<unknown>(5000).fill({ kty: "RSA", kid: "a" }),
        ...right,
        ...Array<unknown>(5000).fill(null),
      ],
    }));
    expect(await isSignedInAfterSignIn()).toBe(true);
  });

  test("the same key twice", async () => {
    await start();
    w.provider.misbehave = publishing((right) => ({
      keys: [...right, ...right],
    }));
    expect(await isSignedInAfterSignIn()).toBe(true);
  });

  test("an empty JWK Set has no key: no login, and one when the key is there", async () => {
    await start();
    w.provider.misbehave = publishing(() => ({ keys: [] }));
    expect(await isSignedInAfterSignIn()).toBe(false);
    w.provider.misbehave = {};
    expect(await isSignedInAfterSignIn()).toBe(true);
  });
});

describe("several keys that may be the right one are tried", () => {
  /** The right key stands behind so many others of its kind. */
  function behind(
    others: number,
    change: (key: PublishedKey) => PublishedKey,
  ): Misbehaviour {
    // Before anybody waits for an answer: making them takes its time.
    const strangers = Array.from({ length: others }, () =>
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
    );
    return {
      jwks(right) {
        const [key] = signing(right);
        const more = strangers.map(({ publicKey }) => {
          const { kid } = key ?? {};
          const jwk = { ...publicKey.export({ format: "jwk" }), use: "sig" };
          return change(kid === undefined ? jwk : { ...jwk, kid });
        });
        return [...more, ...(key ? [change(key)] : [])];
      },
    };
  }
  const named = (key: PublishedKey): PublishedKey => key;

  test("under one kid", async () => {
    await start(behind(2, named));
    expect(await isSignedInAfterSignIn()).toBe(true);
  });

  test("where the token names none", async () => {
    await start({
      ...behind(2, withoutKid),
      idToken: { header: { kid: undefined } },
    });
    expect(await isSignedInAfterSignIn()).toBe(true);
  });

  test("where the token names one and the JWK Set has no names", async () => {
    await start(behind(2, withoutKid));
    expect(await isSignedInAfterSignIn()).toBe(true);
  });

  test("but never more than five", async () => {
    await start(behind(5, named));
    expect(await isSignedInAfterSignIn()).toBe(false);
  });

  test("and a key of a stranger is none of them", async () => {
    await start(behind(2, withoutKid));
    const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
    w.provider.misbehave = {
      ...w.provider.misbehave,
      idToken: { token: (token) => signedBy(token, stranger.privateKey) },
    };
    expect(await isSignedInAfterSignIn()).toBe(false);
  });
});

describe("Core 10.1.1: keys without names that change", () => {
  test("are fetched once more for an ID Token, which is then right", async () => {
    await start(nameless);
    expect(await isSignedInAfterSignIn()).toBe(true);
    expect(w.provider.jwksFetches()).toBe(1);
    await w.provider.rotateKeys();
    expect(await isSignedInAfterSignIn()).toBe(true);
    expect(w.provider.jwksFetches()).toBe(2);
  });

  test("are fetched once more for a Logout Token, which is then right", async () => {
    await start(nameless);
    await w.signIn("alice");
    await w.provider.rotateKeys();
    const token = w.provider.logoutToken({
      sub: "alice",
      header: { kid: undefined },
    });
    expect((await w.postToken(token)).status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
  });

  test("are not fetched for ever by a stranger's Logout Tokens", async () => {
    await start(nameless);
    await w.signIn("alice");
    const before = w.provider.jwksFetches();
    const statuses = new Set<number>();
    for (let post = 0; post < 20; post++) {
      const token = w.provider.logoutToken({
        sub: "alice",
        header: { kid: undefined },
        key: "foreign",
      });
      statuses.add((await w.postToken(token)).status);
    }
    expect([...statuses]).toEqual([400, 429]);
    expect(w.provider.jwksFetches() - before).toBe(5);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("keys with names do not change: a wrong signature costs no fetch", async () => {
    await start();
    await w.signIn("alice");
    const token = w.provider.logoutToken({ sub: "alice", key: "foreign" });
    expect((await w.postToken(token)).status).toBe(400);
    expect(w.provider.jwksFetches()).toBe(1);
  });

  test("no key serves longer than ten minutes", async () => {
    await start();
    await w.signIn("alice");
    passSeconds(599);
    await w.signIn("alice");
    expect(w.provider.jwksFetches()).toBe(1);
    passSeconds(2);
    await w.signIn("alice");
    expect(w.provider.jwksFetches()).toBe(2);
  });
});
