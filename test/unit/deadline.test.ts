/** withinDeadline: a bounded wait that our own busy event loop does not shorten. */
import {
  setImmediate as endOfTurn,
  setTimeout as sleep,
} from "node:timers/promises";
import { Worker } from "node:worker_threads";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { withinDeadline } from "../../lib/deadline.js";

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
  await expect(wait(new Promise(() => undefined), 100)).rejects.toThrow(
    TooLate,
  );
  const took = performance.now() - began;
  expect(took).toBeGreaterThanOrEqual(95);
  expect(took).toBeLessThan(400);
});

test("an answer that comes too late disturbs nobody", async () => {
  const late = sleep(60).then(() => {
    throw new Error("late");
  });
  await expect(wait(late, 20)).rejects.toThrow(TooLate);
  await expect(late).rejects.toThrow("late");
});

test("an answer in time leaves no timer behind", async () => {
  const timersBefore = activeTimers();
  await wait(Promise.resolve("answer"), 60_000);
  expect(activeTimers()).toBe(timersBefore);
});

describe("after a blocked event loop", () => {
  let thread: Worker;

  beforeAll(() => {
    // Its answers come through the event loop, as those of a socket do.
    thread = new Worker(
      `const { parentPort } = require("node:worker_threads");
       parentPort.on("message", (after) => setTimeout(() => parentPort.postMessage("answer"), after));`,
      { eval: true },
    );
  });

  afterAll(async () => {
    await thread.terminate();
  });

  const answerAfter = (milliseconds: number): Promise<unknown> =>
    new Promise((resolve) => {
      thread.once("message", resolve);
      thread.postMessage(milliseconds);
    });

  test("an answer that has arrived meanwhile is not taken for a timeout", async () => {
    await answerAfter(0);
    // Timers come next, before what has arrived is read.
    await endOfTurn();
    const answer = wait(answerAfter(30), 100);
    block(300);
    await expect(answer).resolves.toBe("answer");
  });

  test("an answer that is still not there is a timeout", async () => {
    const answer = wait(new Promise(() => undefined), 50);
    block(150);
    const unblocked = performance.now();
    await expect(answer).rejects.toThrow(TooLate);
    expect(performance.now() - unblocked).toBeLessThan(300);
  });
});

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

function activeTimers(): number {
  return process
    .getActiveResourcesInfo()
    .filter((resource) => resource === "Timeout").length;
}
