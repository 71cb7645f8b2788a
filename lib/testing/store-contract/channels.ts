/** The rules of the store contract for channels. */
import assert from "node:assert/strict";
import type { StoreDriver } from "../../stores/driver.js";
import { always, eventually, newKey, type Rule } from "./rule.js";

interface Listening {
  readonly told: string[];
  readonly stop: () => void;
}

function listen(driver: StoreDriver, channel: string): Listening {
  const told: string[] = [];
  const stop = driver.subscribe(channel, {
    told: (message) => told.push(message),
    missed: () => undefined,
  });
  return { told, stop };
}

/** Publishes until it was told: a subscription may take a moment to hold. */
async function publishUntilTold(
  driver: StoreDriver,
  channel: string,
  message: string,
  ...listeners: readonly Listening[]
): Promise<void> {
  await eventually(`${message} is told`, async () => {
    await always(driver, { publish: channel, message });
    return listeners.every(({ told }) => told.includes(message));
  });
}

/** What is published, and who is told. */
export const channelCases: readonly Rule[] = [
  {
    title: "a channel: all who subscribe are told, in every process",
    async holds(driver, elsewhere) {
      const channel = newKey();
      const listeners = [driver, driver, elsewhere].map((one) =>
        listen(one, channel),
      );
      await publishUntilTold(driver, channel, "hello", ...listeners);
      await publishUntilTold(elsewhere, channel, "again", ...listeners);
      for (const { stop } of listeners) stop();
    },
  },
  {
    title: "a channel: who has stopped is told no more, and may stop twice",
    async holds(driver, elsewhere) {
      const channel = newKey();
      const [stopped, other] = [
        listen(driver, channel),
        listen(driver, channel),
      ];
      await publishUntilTold(elsewhere, channel, "before", stopped, other);
      stopped.stop();
      stopped.stop();
      await publishUntilTold(elsewhere, channel, "after", other);
      assert.ok(!stopped.told.includes("after"));
      other.stop();
    },
  },
  {
    title: "a channel: what is published on another one is not told",
    async holds(driver) {
      const [channel, another] = [newKey(), newKey()];
      const listeners = [listen(driver, channel), listen(driver, another)];
      const [one, other] = listeners as [Listening, Listening];
      await publishUntilTold(driver, channel, "hello", one);
      assert.deepEqual(other.told, []);
      for (const { stop } of listeners) stop();
    },
  },
  {
    title: "a channel: nothing is told of a case that was not applied",
    async holds(driver) {
      const channel = newKey();
      const key = newKey();
      const listener = listen(driver, channel);
      await driver.decide([
        {
          when: [{ key, field: "a", isOneOf: ["there"] }],
          then: [{ publish: channel, message: "lie" }],
        },
      ]);
      await publishUntilTold(driver, channel, "hello", listener);
      assert.ok(!listener.told.includes("lie"));
      listener.stop();
    },
  },
];
