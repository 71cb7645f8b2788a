/** What findProvider answers: how long it counts, what pushes it out, and what is made of anything odd. */
import { generateKeyPairSync } from "node:crypto";

import { expect, test } from "@jest/globals";

import { ConfigError } from "../../lib/base/errors.js";
import { readConfig } from "../../lib/config/config.js";
import {
  createKnownProviders,
  type KnownProviders,
} from "../../lib/config/known-providers.js";
import type { LoginKitOptions } from "../../lib/config/options.js";
import { PrivateKeyJwt } from "../../lib/index.js";
import { SECRET } from "../support/read-options.js";
import { until } from "../support/until.js";

const north = {
  issuer: "https://north.example",
  clientId: "shop",
  clientSecret: "a client secret",
};

/** Providers that this function finds, at a time that the test sets. */
function providersOf(
  findProvider: (name: string) => unknown,
  options: Partial<LoginKitOptions> = {},
): {
  readonly known: KnownProviders;
  readonly asked: readonly string[];
  readonly told: readonly Error[];
  readonly pass: (milliseconds: number) => void;
} {
  const asked: string[] = [];
  const told: Error[] = [];
  let time = 1_000_000;
  const config = readConfig(
    {
      baseUrl: "https://shop.example",
      session: { secret: SECRET },
      findProvider: (name: string) => {
        asked.push(name);
        return findProvider(name);
      },
      ...options,
    } as unknown as LoginKitOptions,
    { nodeEnv: "test" },
  );
  const known = createKnownProviders(
    config,
    () => time,
    (error) => told.push(error),
  );
  return {
    known,
    asked,
    told,
    pass(milliseconds) {
      time += milliseconds;
    },
  };
}

/** The login of a user from there. */
const ownedBy = (issuer: string) => ({ provider: "north", issuer });

test.each([null, undefined])("%p means that there is none", async (answer) => {
  const { known } = providersOf(() => Promise.resolve(answer));
  expect(await known.named("north")).toBeUndefined();
  expect(await known.of(ownedBy(north.issuer))).toBeUndefined();
});

test.each([false, 0, "", "north", 7, []])(
  "%j is no provider, and the message says so",
  async (answer) => {
    const { known } = providersOf(() => Promise.resolve(answer));
    await expect(known.named("north")).rejects.toThrow(ConfigError);
    await expect(known.named("north")).rejects.toThrow('findProvider("north")');
  },
);

test("an answer that comes at once will do, and a function that throws is one that fails", async () => {
  const { known } = providersOf((name) => {
    if (name === "north") return north;
    throw new Error("no connection");
  });
  expect(await known.named("north")).toMatchObject(north);
  await expect(known.named("south")).rejects.toMatchObject({
    code: "ERR_PROVIDER_UNAVAILABLE",
    message: "findProvider failed for south: no connection",
  });
});

test("names that no provider has push none out, however many are asked for", async () => {
  const { known, asked } = providersOf((name) =>
    Promise.resolve(name === "north" ? north : undefined),
  );
  const before = await known.named("north");
  for (let guess = 0; guess < 1100; guess++) {
    await known.named(`guess-${String(guess)}`);
  }
  expect(known.named("north")).toBe(before);
  expect(asked.filter((name) => name === "north")).toHaveLength(1);
});

test("a login's provider is asked for anew before it is gone: another process knew it first", async () => {
  let answer: unknown;
  const { known, pass } = providersOf(() => Promise.resolve(answer));
  expect(await known.named("north")).toBeUndefined();
  answer = north;
  pass(2000);
  expect(await known.of(ownedBy(north.issuer))).toMatchObject(north);
  answer = { ...north, issuer: "https://new.example" };
  pass(2000);
  expect(await known.of(ownedBy("https://new.example"))).toMatchObject({
    issuer: "https://new.example",
  });
});

test.each([
  ["there was none", undefined],
  ["it had another issuer", { ...north, issuer: "https://old.example" }],
])(
  "a login's provider is not gone where the question fails: %s",
  async (_what, answer) => {
    let isAway = false;
    const { known, pass } = providersOf(() =>
      isAway
        ? Promise.reject(new Error("no connection"))
        : Promise.resolve(answer),
    );
    await known.named("north");
    isAway = true;
    pass(2000);
    await expect(known.of(ownedBy(north.issuer))).rejects.toThrow(
      "no connection",
    );
    pass(61_000);
    await expect(known.of(ownedBy(north.issuer))).rejects.toThrow(
      "no connection",
    );
  },
);

test("nobody waits for a function that hangs but the first, and what it says later counts", async () => {
  let answer: () => unknown = () => north;
  const { known, told, pass } = providersOf(() => answer(), {
    storeTimeoutSeconds: 0.05,
  });
  const before = await known.named("north");
  answer = () => new Promise(() => undefined);
  pass(61_000);
  expect(await known.named("north")).toBe(before);
  expect(told).toHaveLength(1);
  pass(1000);
  expect(known.named("north")).toBe(before);
  await until("it has failed again", () => told.length === 2);
  answer = () => undefined;
  pass(1000);
  expect(known.named("north")).toBe(before);
  await until("its answer counts", () => known.named("north") === undefined);
});

test("whose issuer nobody has is asked for once a second, not at each request", async () => {
  const { known, asked, pass } = providersOf(() => Promise.resolve(north));
  for (let request = 0; request < 20; request++) {
    expect(await known.of(ownedBy("https://other.example"))).toBeUndefined();
  }
  expect(asked).toHaveLength(1);
  pass(1000);
  await known.of(ownedBy("https://other.example"));
  expect(asked).toHaveLength(2);
});

test("what the application changes inside its own object counts from the next answer on", async () => {
  const own = {
    ...north,
    issuer: "https://north.example/{tenantid}",
    metadataUrl: "https://north.example/metadata",
    tenants: ["first", "second"],
  };
  const { known, pass } = providersOf(() => Promise.resolve(own));
  const before = await known.named("north");
  own.tenants.pop();
  expect(known.named("north")).toBe(before);
  expect(before?.tenants).toEqual(["first", "second"]);
  pass(61_000);
  expect((await known.named("north"))?.tenants).toEqual(["first"]);
});

test("the same answer keeps the provider, and with it metadata and keys", async () => {
  const { known, pass } = providersOf(() => Promise.resolve({ ...north }));
  const before = await known.named("north");
  pass(61_000);
  expect(await known.named("north")).toBe(before);
});

test("a path of its own is refused: kit.routes would not answer there", async () => {
  const { known } = providersOf(() =>
    Promise.resolve({ ...north, callbackPath: "/back" }),
  );
  await expect(known.named("north")).rejects.toThrow(
    "callbackPath: leave it out",
  );
});

test("so do keys that are the same, and a function that gives them; other keys make another one", async () => {
  const [first, second] = [1, 2].map(() =>
    generateKeyPairSync("rsa", { modulusLength: 2048 })
      .privateKey.export({ type: "pkcs8", format: "pem" })
      .toString(),
  );
  let decryptionKeys: unknown = first;
  const requestSigningKey = () => Promise.resolve(first);
  const { known, pass } = providersOf(() => ({
    ...north,
    decryptionKeys,
    requestSigningKey,
  }));
  const before = await known.named("north");
  pass(61_000);
  expect(await known.named("north")).toBe(before);
  decryptionKeys = second;
  pass(61_000);
  const other = await known.named("north");
  expect(other).not.toBe(before);
  decryptionKeys = requestSigningKey;
  pass(61_000);
  const asking = await known.named("north");
  expect(asking).not.toBe(other);
  pass(61_000);
  expect(await known.named("north")).toBe(asking);
});

test("a name whose redirect URI is taken is refused", async () => {
  const { known } = providersOf(() => Promise.resolve(north), {
    paths: { callback: "/auth", login: "/auth/login" },
    providers: { staff: { ...north, callbackPath: "/auth/north" } },
  });
  await expect(known.named("login")).rejects.toThrow(
    "callbackPath: would be /auth/login, which is that of paths.login",
  );
  await expect(known.named("north")).rejects.toThrow(
    "which is that of providers.staff",
  );
});

// Shows: F2-02
test.each(["never", "auto"] as const)(
  "a profile that is found refuses a resource server whose senderConstrained is %s",
  async (senderConstrained) => {
    const bank = {
      issuer: "https://bank.example",
      clientId: "shop",
      securityProfile: "fapi2",
      clientAuth: PrivateKeyJwt(
        generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
      ),
      idTokenSigningAlg: "ES256",
    };
    const url = "https://orders.example";
    const knownWith = (found: object, providers?: string[]) =>
      providersOf(() => found, {
        resourceServers: {
          orders: { url, senderConstrained, ...(providers && { providers }) },
          stock: { url: `${url}/stock` },
        },
      }).known;
    await expect(knownWith(bank).named("bank")).rejects.toMatchObject({
      code: "ERR_CONFIG",
      problems: [
        `resourceServers.orders.senderConstrained: is ${senderConstrained}; leave it out, tokens are sent with proofs alone (securityProfile fapi2)`,
      ],
    });
    // Tokens that the server gets are of another one, or the connection proves them.
    const named = { senderConstrained: "always" };
    expect(await knownWith(bank, ["shop"]).named("bank")).toMatchObject(named);
    const clientAuth = "tls_client_auth";
    expect(
      await knownWith({ ...bank, clientAuth }).named("bank"),
    ).toMatchObject({ clientAuth });
    expect(await knownWith(north).named("north")).toMatchObject(north);
  },
);
