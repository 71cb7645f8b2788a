/** A resource server closes kept connections whenever it likes: two users notice nothing, and get nothing of each other. */
import type { Socket } from "node:net";

import { expect, test } from "@jest/globals";

import { reset } from "../support/reset.js";
import {
  echo,
  strictResourceServer,
} from "../support/strict-resource-server.js";
import { twoUsers } from "../support/two-users.js";
import { volume } from "../support/volume.js";

const REQUESTS = volume(1_000, 100_000);
const AT_A_TIME = 16;

test(`RFC 9110 9.2.2: ${REQUESTS.toLocaleString("en")} GETs of two users, while kept connections are closed`, async () => {
  const api = await strictResourceServer();
  const {
    alice,
    bob,
    get,
    close: closeWorld,
  } = await twoUsers(api.url, AT_A_TIME);
  expect(alice.token).not.toBe(bob.token);

  const closed = { idle: 0, asked: 0 };
  const answered = new WeakSet<Socket>();
  api.answer = (request, socket) => {
    api.requests.length = 0;
    // Closed with a request that it has read, but only where it was kept: a
    // new connection may not break.
    if (answered.has(socket) && Math.random() < 0.05) {
      closed.asked += 1;
      end(socket);
      return;
    }
    answered.add(socket);
    echo(request, socket);
    // Closed while it waits, or while the next request is on its way.
    if (Math.random() < 0.1) {
      closed.idle += 1;
      const close = (): void => {
        end(socket);
      };
      if (Math.random() < 0.5) setImmediate(close);
      else setTimeout(close, Math.random() * 4);
    }
  };

  const wrong: string[] = [];
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < REQUESTS) {
      begun += 1;
      const user = begun % 3 === 0 ? bob : alice;
      const target = `/orders/${String(begun)}`;
      const answer = await get(target, user.cookie);
      if (
        answer.status !== 200 ||
        answer.body !== `${user.token} /v1${target}`
      ) {
        wrong.push(`${String(answer.status)} ${answer.body}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(wrong).toHaveLength(0);
    expect(api.faults).toEqual([]);
    expect(closed.idle).toBeGreaterThan(REQUESTS / 20);
    expect(closed.asked).toBeGreaterThan(REQUESTS / 100);
    console.log(
      `${String(REQUESTS)} requests, ${String(api.connections())} connections, closed: ${JSON.stringify(closed)}, wrong: 0`,
    );
  } finally {
    await closeWorld();
    api.close();
  }
}, 1_200_000);

function end(socket: Socket): void {
  if (Math.random() < 0.5) socket.end();
  else reset(socket);
}
