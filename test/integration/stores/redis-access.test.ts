/** redisClient reaches every kind of Redis with passwords, TLS and client certificates, or says why not. */
import { readFileSync } from "node:fs";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";

import {
  type ManagedRedisClient,
  redisClient,
  type RedisConnectionOptions,
  type RedisTls,
} from "../../../lib/redis/redis-client.js";
import { type Authority, createAuthority } from "../../support/certificates.js";
import { endNodeProcesses, startNode } from "../../support/node-process.js";
import { redisCommand } from "../../support/redis-process.js";
import {
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
} from "../../support/redis-server.js";
import { until, untilItWorks } from "../../support/until.js";

const PASSWORD = "hush/@:%";
const IN_URL = `:${encodeURIComponent(PASSWORD)}@`;

let authority: Authority;
let stranger: Authority;
let single: RedisServer;
let cluster: RedisCluster;
let sentinel: RedisSentinel;
/** Where the plain Node process is asked. */
let connecting: string;
/** What a client needs. */
let tls: RedisTls & { readonly ca: string };
const clients: ManagedRedisClient[] = [];
/** Undoes what the test set at servers. */
const undos: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  authority = createAuthority();
  stranger = createAuthority();
  const servers = { tls: authority.sign("IP:127.0.0.1") };
  const { cert, key } = authority.sign("DNS:kit");
  tls = { ca: authority.ca, cert: pem(cert), key: pem(key) };
  [single, cluster, sentinel] = await Promise.all([
    startRedis(servers),
    startCluster(servers),
    startSentinel(servers),
  ]);
  const [, port] = await startNode([
    "test/integration/fixtures/connecting-process.js",
  ]).prints(/listens on (\d+)/);
  connecting = `http://127.0.0.1:${String(port)}`;
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const undo of undos.splice(0)) await undo();
});

afterAll(async () => {
  await Promise.all([single.stop(), cluster.stop(), sentinel.stop()]);
  await endNodeProcesses();
  authority.remove();
  stranger.remove();
});

type Kind = (
  socket: RedisTls | undefined,
  credentials?: string,
) => RedisConnectionOptions;

const kinds: Record<string, Kind> = {
  "a single Redis": (socket, credentials = "") => ({
    url: `rediss://${credentials}127.0.0.1:${single.tlsPort}`,
    ...(socket !== undefined && { options: { socket } }),
  }),
  "a Redis Cluster": (socket, credentials = "") => ({
    // The others are found through the first.
    cluster: { urls: [`rediss://${credentials}127.0.0.1:${firstNode()}`] },
    ...(socket !== undefined && { options: { socket } }),
  }),
  "Redis behind Sentinel": (socket, credentials = "") => {
    const access = {
      ...(socket !== undefined && { socket }),
      ...(credentials !== "" && { password: PASSWORD }),
    };
    return {
      sentinel: {
        name: sentinel.name,
        nodes: [{ host: "127.0.0.1", port: sentinel.tlsPort }],
        options: { ...access, socket: socket ?? { tls: true } },
      },
      options: { ...access, socket: socket ?? { tls: true } },
    };
  },
};

describe.each(Object.entries(kinds))("for %s", (_name, reach) => {
  test("TLS with a client certificate works", async () => {
    await works(await open(reach(tls)));
  });

  test("TLS, a client certificate and a password work", async () => {
    await setPasswords();
    await works(await open(reach(tls, IN_URL)));
  });

  test("it is refused at start when another authority signed the certificate", async () => {
    expect(await refusalOf(reach({ ...tls, ca: stranger.ca }))).toMatch(
      /options\.socket\.ca/,
    );
  });

  test("it is refused at start when Redis' certificate is from no known authority", async () => {
    expect(await refusalOf(reach(undefined))).toMatch(
      /no trusted authority has signed Redis' certificate.*options\.socket\.ca/,
    );
  });

  test("it is refused at start when Redis asks for a client certificate and gets none", async () => {
    expect(await refusalOf(reach({ ca: tls.ca }))).toMatch(
      /asks for a client certificate.*options\.socket\.cert/,
    );
  });

  test("it is refused at start when Redis does not trust the client certificate", async () => {
    const { cert, key } = stranger.sign("DNS:kit");
    expect(
      await refusalOf(reach({ ...tls, cert: pem(cert), key: pem(key) })),
    ).toMatch(
      /refuses the client certificate.*cert and key in .*options\.socket/,
    );
  });

  test("it is refused at start when the client certificate is not in PEM", async () => {
    expect(await refusalOf(reach({ ...tls, cert: "no PEM" }))).toMatch(
      /options\.socket, cert or key is no PEM/,
    );
  });

  test("it is refused at start when the password is wrong", async () => {
    await setPasswords("another");
    const refusal = await refusalOf(reach(tls, IN_URL));
    expect(refusal).toMatch(
      /WRONGPASS.*check username and password, in a URL or in .*options/,
    );
    expect(refusal).not.toContain("hush");
  });
});

describe("for a single Redis", () => {
  test("a certificate for another host is refused, and accepted with its name as servername", async () => {
    const { cert, key } = authority.sign("DNS:redis.example");
    const old = authority.sign("IP:127.0.0.1");
    await setCertificate(cert, key);
    undos.push(() => setCertificate(old.cert, old.key));
    const { url } = kinds["a single Redis"]?.(tls) as { url: string };
    expect(await refusalOf({ url, options: { socket: tls } })).toMatch(
      /certificate is for another host.*options\.socket\.servername/,
    );
    await works(
      await open({
        url,
        options: { socket: { ...tls, servername: "redis.example" } },
      }),
    );
  });

  test("rediss:// to a port without TLS is told, with that as the cause to look at", async () => {
    const told: string[] = [];
    await open({
      url: `rediss://127.0.0.1:${single.port}`,
      connectSeconds: 0,
      onError: ({ message }) => told.push(message),
    });
    await until("it is told", () => told.length > 0);
    expect(told[0]).toMatch(/TLS/);
  });

  test("redis:// to a port with TLS is told, with rediss:// as remedy", async () => {
    const told: string[] = [];
    await open({
      url: `redis://127.0.0.1:${single.tlsPort}`,
      connectSeconds: 0,
      onError: ({ message }) => told.push(message),
    });
    await until("it is told", () => told.length > 0);
    expect(told[0]).toMatch(/a port that speaks TLS needs rediss:\/\//);
  });
});

describe("for a Redis Cluster without TLS", () => {
  test("the password in a URL reaches the nodes that the URL does not name", async () => {
    await setPasswords();
    const [node] = cluster.rootNodes;
    await works(
      await open({
        cluster: { urls: [node?.url.replace("//", `//${IN_URL}`) ?? ""] },
      }),
    );
  });

  test("a user and the password in options reach all nodes", async () => {
    await setPasswords();
    await works(
      await open({
        cluster: { urls: cluster.rootNodes.map(({ url }) => url) },
        options: { username: "default", password: PASSWORD },
      }),
    );
  });
});

describe("for Redis behind Sentinel", () => {
  test("a wrong password of the Sentinels is told as theirs", async () => {
    await setPasswords();
    const { sentinel: place, options } = kinds["Redis behind Sentinel"]?.(
      tls,
      IN_URL,
    ) as Extract<RedisConnectionOptions, { sentinel: object }>;
    expect(
      await refusalOf({
        sentinel: { ...place, options: { socket: tls, password: "another" } },
        ...(options && { options }),
      }),
    ).toMatch(/^refused: Sentinel: WRONGPASS.*in sentinel\.options/);
  });
});

async function open(
  options: RedisConnectionOptions,
): Promise<ManagedRedisClient> {
  const client = await redisClient({
    onError: () => undefined,
    connectSeconds: 20,
    ...options,
  });
  clients.push(client);
  return client;
}

/** What a plain Node process is told: Jest gives errors of TLS another class `Error`, which node-redis does not know. */
async function refusalOf(options: RedisConnectionOptions): Promise<string> {
  const answer = await fetch(connecting, {
    method: "POST",
    body: JSON.stringify(options),
  });
  return await answer.text();
}

/** Writes so many keys that every node of a Cluster gets some; again where the machine stood still and the watchdog connects anew. */
async function works(client: ManagedRedisClient): Promise<void> {
  await untilItWorks(async () => {
    for (let index = 0; index < 20; index++) {
      await client.set(`greeting-${index}`, "hello");
      await expect(client.get(`greeting-${index}`)).resolves.toBe("hello");
    }
  });
}

/** All servers ask for it from now on, until the test ends. */
async function setPasswords(password = PASSWORD): Promise<void> {
  const set = async (url: string, rules: readonly string[]): Promise<void> => {
    await redisCommand(url, ["ACL", "SETUSER", "default", ...rules]);
  };
  const port = sentinel.sentinels[0]?.port ?? 0;
  const urls = [
    single.url,
    ...cluster.rootNodes.map(({ url }) => url),
    sentinel.primary.url,
    `redis://127.0.0.1:${port}`,
  ];
  for (const url of urls) {
    await set(url, ["resetpass", `>${password}`]);
    const open = url.replace("//", `//:${encodeURIComponent(password)}@`);
    undos.push(() => set(open, ["nopass"]));
  }
}

async function setCertificate(cert: string, key: string): Promise<void> {
  await redisCommand(single.url, [
    ...["CONFIG", "SET", "tls-cert-file", cert],
    ...["tls-key-file", key],
  ]);
}

function firstNode(): number {
  return cluster.rootNodes[0]?.tlsPort ?? 0;
}

function pem(file: string): string {
  return readFileSync(file, "utf8");
}
