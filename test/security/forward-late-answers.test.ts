/** What a resource server sends late, or at too great a length, is no harm to anybody but who asked for it. */
import { afterEach, expect, test } from "@jest/globals";

import type { ResourceServerOptions } from "../../lib/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import {
  type RawResourceServer,
  rawResourceServer,
} from "../support/raw-resource-server.js";

const PLANTED =
  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\nplanted";
const MINE = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalice";

let api: RawResourceServer;
let w: LyingWorld;
afterEach(async () => {
  await w.close();
  api.close();
});

async function start(
  answer: Parameters<typeof rawResourceServer>[0],
  more: Partial<ResourceServerOptions> = {},
): Promise<void> {
  api = await rawResourceServer(answer);
  w = await lyingWorld({
    kit: { resourceServers: { orders: { url: `${api.url}/v1`, ...more } } },
    routes(app, kit) {
      app.use("/api", kit.requireAuth(), kit.forward("orders"));
    },
  });
}

test.each([
  ["HEAD", `HTTP/1.1 200 OK\r\nContent-Length: ${PLANTED.length}\r\n\r\n`],
  ["GET", "HTTP/1.1 304 Not Modified\r\n\r\n"],
  ["DELETE", "HTTP/1.1 204 No Content\r\n\r\n"],
])(
  "RFC 9112 6.3: a body that comes late after %s is not the next user's answer",
  async (method, head) => {
    let sendLate: (() => void) | undefined;
    await start((socket, path) => {
      if (path.includes("planted")) {
        socket.write(head);
        sendLate = () => socket.write(PLANTED);
      } else {
        // What mallory asked for comes when alice waits for hers.
        sendLate?.();
        setImmediate(() => socket.write(MINE));
      }
    });
    const mallory = await w.signIn("mallory");
    const alice = await w.signIn("alice");
    for (let round = 0; round < 5; round++) {
      await mallory.fetchJson(`${w.url}/api/planted`, { method });
      const answer = await alice.fetchJson(`${w.url}/api/mine`);
      expect(await answer.text()).toBe("alice");
    }
  },
);

test("an answer's head that is too long for us does not open the circuit for others", async () => {
  await start(
    (socket, path) => {
      const repeated = path.length > 2000 ? path.repeat(4) : "short";
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLink: <${repeated}>\r\n\r\nok`,
      );
    },
    { circuitBreaker: { failures: 5, seconds: 60 } },
  );
  const mallory = await w.signIn("mallory");
  const alice = await w.signIn("alice");
  for (let round = 0; round < 6; round++) {
    const long = `${w.url}/api/1?q=${"x".repeat(5000)}`;
    expect((await mallory.fetchJson(long)).status).toBe(502);
  }
  expect((await alice.fetchJson(`${w.url}/api/1`)).status).toBe(200);
});
