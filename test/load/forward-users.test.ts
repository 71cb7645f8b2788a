/** Two users share every connection on the way, and neither ever gets the other's token or answer. */
import { expect, test } from "@jest/globals";

import { listening } from "../../lib/testing/listening.js";
import { twoUsers } from "../support/two-users.js";
import { volume } from "../support/volume.js";

const REQUESTS = volume(1_000, 10_000);
const AT_A_TIME = 32;

// Shows: OA-14
test("BT-07, BFF-23: two users over shared connections: tokens and answers are never mixed", async () => {
  const api = await echoingServer();
  const { alice, bob, get, close } = await twoUsers(api.url, AT_A_TIME);
  expect(alice.token).toMatch(/^Bearer ./);
  expect(bob.token).toMatch(/^Bearer ./);
  expect(alice.token).not.toBe(bob.token);

  const mixed: string[] = [];
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < REQUESTS) {
      begun += 1;
      const user = begun % 3 === 0 ? bob : alice;
      const target = `/orders/${begun}`;
      const { body: echo } = await get(target, user.cookie);
      if (echo !== `${user.token} /v1${target}`) mixed.push(echo);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    expect(mixed).toEqual([]);
    // The answers came from the resource server, and over a few connections.
    expect(api.requests()).toBe(REQUESTS + 2);
    // A browser's next request may come before its connection is free again.
    expect(api.connections()).toBeLessThanOrEqual(16);
  } finally {
    await Promise.all([close(), api.close()]);
  }
}, 240_000);

/** Answers with the token and the target, in another order than it was asked. */
async function echoingServer() {
  const server = await listening();
  const sockets = new Set<unknown>();
  let requests = 0;
  server.serve((req, res) => {
    requests += 1;
    sockets.add(req.socket);
    const answer = (): void => {
      res.end(`${String(req.headers.authorization)} ${String(req.url)}`);
    };
    if (requests % 2 === 0) answer();
    else setTimeout(answer, requests % 5);
  });
  return {
    url: server.url,
    close: server.close,
    requests: () => requests,
    connections: () => sockets.size,
  };
}
