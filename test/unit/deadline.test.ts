/** withinDeadline and withinOwnTime: bounded waits that our own busy event loop does not shorten. */
import {
  setImmediate as endOfTurn,
  setTimeout as sleep,
} from "node:timers/promises";
import { Worker } from "node:worker_threads";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { withinDeadline, withinOwnTime } from "../../lib/base/deadline.js";
import { block, blockedTurns } from "../support/blocked-turns.js";

class TooLate extends Error {}

const wait = <Answer>(answer: Promise<Answer>, milliseconds: number) =>
  withinDeadline(answer, milliseconds, () => new TooLate());

test("an answer in time is the answer", async () => {
  await expect(wait(sleep(5, "answer"), 1000)).resolves.toBe("answer");
});

test("a failure in time is the failure", async () => {
  const failure = new Error("no");
  await expect(wait(Promise.reject(failure), 1000)).rejects.toBe(failure);
});

test("a failure that is no Error becomes one", async () => {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what is tested
  await expect(wait(Promise.reject("no"), 1000)).rejects.toThrow("no");
});

test("no answer is a failure when the time is over, and not much later", async () => {
  const began = performance.now();
  const turns = countTurns();
  await expect(wait(new Promise(() => undefined), 100)).rejects.toThrow(
    TooLate,
  );
  expect(turns()).toBeLessThan(40);
  expect(performance.now() - began).toBeGreaterThanOrEqual(95);
});

test("an answer that comes too late disturbs nobody", async () => {
  let fail: (error: Error) => void = () => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  await expect(wait(late, 20)).rejects.toThrow(TooLate);
  fail(new Error("late"));
  await expect(late).rejects.toThrow("late");
});

test("an answer in time leaves no timer behind", async () => {
  const timersBefore = activeTimers();
  await wait(Promise.resolve("answer"), 60_000);
  expect(activeTimers()).toBe(timersBefore);
});

describe("after a blocked event loop", () => {
  let thread: Worker;
  /** Of the thread's last answer: 1 when it is on its way. */
  const answered = new Int32Array(new SharedArrayBuffer(4));

  beforeAll(() => {
    // Its answers come through the event loop, as those of a socket do.
    thread = new Worker(
      `const { parentPort, workerData } = require("node:worker_threads");
       parentPort.on("message", (after) => setTimeout(() => {
         parentPort.postMessage("answer");
         Atomics.store(workerData, 0, 1);
       }, after));`,
      { eval: true, workerData: answered },
    );
  });

  afterAll(async () => {
    await thread.terminate();
  });

  const answerAfter = (milliseconds: number): Promise<unknown> =>
    new Promise((resolve) => {
      Atomics.store(answered, 0, 0);
      thread.once("message", resolve);
      thread.postMessage(milliseconds);
    });

  test("an answer that has arrived meanwhile is not taken for a timeout", async () => {
    await answerAfter(0);
    // Timers come next, before what has arrived is read.
    await endOfTurn();
    const answer = wait(answerAfter(30), 100);
    block(300);
    while (Atomics.load(answered, 0) === 0);
    await expect(answer).resolves.toBe("answer");
  });

  test("an answer that is still not there is a timeout", async () => {
    const answer = wait(new Promise(() => undefined), 50);
    block(150);
    const turns = countTurns();
    await expect(answer).rejects.toThrow(TooLate);
    expect(turns()).toBeLessThan(30);
  });
});

describe("of our own time", () => {
  const waitOwn = <Answer>(answer: Promise<Answer>, milliseconds: number) =>
    withinOwnTime(answer, milliseconds, () => new TooLate());

  test("an answer in time is the answer, a failure the failure", async () => {
    const failure = new Error("no");
    await expect(waitOwn(sleep(5, "answer"), 1000)).resolves.toBe("answer");
    await expect(waitOwn(Promise.reject(failure), 1000)).rejects.toBe(failure);
  });

  test("no answer is a failure when the time is over", async () => {
    const timersBefore = activeTimers();
    const began = performance.now();
    await expect(waitOwn(new Promise(() => undefined), 200)).rejects.toThrow(
      TooLate,
    );
    expect(performance.now() - began).toBeGreaterThanOrEqual(195);
    expect(activeTimers()).toBe(timersBefore);
  });

  test("an answer in time leaves no timer behind", async () => {
    const timersBefore = activeTimers();
    await waitOwn(Promise.resolve("answer"), 60_000);
    expect(activeTimers()).toBe(timersBefore);
  });

  test("a turn that comes late does not count for more than one that is in time", async () => {
    const answerInTheEighthTurn = blockedTurns(8, 100).then(() => "answer");
    const [own, byTheClock] = await Promise.allSettled([
      waitOwn(answerInTheEighthTurn, 500),
      wait(answerInTheEighthTurn, 500),
    ]);
    expect(own).toMatchObject({ value: "answer" });
    expect(byTheClock).toMatchObject({ reason: expect.any(TooLate) });
  });
});

/** How often the event loop came round, each 10 ms at most: while the machine stands still, it does not. */
function countTurns(): () => number {
  let count = 0;
  const timer = setInterval(() => (count += 1), 10);
  return () => {
    clearInterval(timer);
    return count;
  };
}

function activeTimers(): number {
  return process
    .getActiveResourcesInfo()
    .filter((resource) => resource === "Timeout").length;
}
