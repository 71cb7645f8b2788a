/** The contract of login stores: who watches is told of every login that ends. */
import { randomUUID } from "node:crypto";

import { describe, expect, test } from "@jest/globals";

import type {
  EndWatcher,
  LoginStore,
} from "../../../../lib/stores/login-store.js";
import { until } from "../../../support/until.js";
import {
  type StoreUnderTest,
  whenOpen,
  signIn,
  aUser,
  tokenSet,
} from "./subjects.js";

/** Those who watch ends. */
export function itTellsOfEnds(open: () => Promise<StoreUnderTest>): void {
  let subject: StoreUnderTest;
  let store: LoginStore;
  whenOpen(open, (opened) => {
    subject = opened;
    ({ store } = opened);
  });

  describe("who watches", () => {
    test("is told of every login that ends", async () => {
      const watch = await watching();
      const ids = [await signIn(store, aUser()), await signIn(store, aUser())];
      await store.endLogin(ids[0] ?? "");
      await store.endLoginAt(ids[1] ?? "", 1);
      await until("it is told", () =>
        ids.every((id) => watch.told.includes(id)),
      );
      watch.stop();
    });

    test("is told of nothing that did not end", async () => {
      const watch = await watching();
      const [ended, alive] = [
        await signIn(store, aUser()),
        await signIn(store, aUser()),
      ];
      await store.endLoginAt(alive, 2);
      await store.replaceTokens(alive, 1, tokenSet("2"));
      const unknown = randomUUID();
      await store.endLogin(unknown);
      await store.endLogin(ended);
      await until("it is told", () => watch.told.includes(ended));
      expect(watch.told).not.toContain(alive);
      expect(watch.told).not.toContain(unknown);
      watch.stop();
    });

    test("is told as well as others who watch", async () => {
      const [one, other] = [await watching(), await watching()];
      const id = await signIn(store, aUser());
      await store.endLogin(id);
      await until(
        "it is told",
        () => one.told.includes(id) && other.told.includes(id),
      );
      one.stop();
      other.stop();
    });

    test("is told of what ends in another process, within a second", async () => {
      const { elsewhere = store } = subject;
      const watch = await watching();
      const id = await signIn(store, aUser());
      await elsewhere.endLogin(id);
      await until("it is told", () => watch.told.includes(id));
      watch.stop();
    });

    test("is told nothing any more when it has stopped, and others still are", async () => {
      const { elsewhere = store } = subject;
      const [stopped, other] = [await watching(), await watching()];
      stopped.stop();
      const ids = [await signIn(store, aUser()), await signIn(store, aUser())];
      await store.endLogin(ids[0] ?? "");
      await elsewhere.endLogin(ids[1] ?? "");
      await until("it is told", () =>
        ids.every((id) => other.told.includes(id)),
      );
      for (const id of ids) expect(stopped.told).not.toContain(id);
      other.stop();
    });

    test("may stop twice", async () => {
      const [stopped, other] = [await watching(), await watching()];
      stopped.stop();
      stopped.stop();
      const id = await signIn(store, aUser());
      await store.endLogin(id);
      await until("it is told", () => other.told.includes(id));
      other.stop();
    });

    test("may come back when nobody watched", async () => {
      const { elsewhere = store } = subject;
      (await watching()).stop();
      const again = await watching();
      const id = await signIn(store, aUser());
      await elsewhere.endLogin(id);
      await until("it is told", () => again.told.includes(id));
      again.stop();
    });
  });

  const watchers = new Set<readonly string[]>();

  /** A watcher whose store listens already. */
  async function watching(): Promise<Watching> {
    const told: string[] = [];
    let listens = false;
    const watcher: EndWatcher = {
      ended: (id) => told.push(id),
      missed: () => (listens = true),
    };
    const stopWatching = store.watchEnds(watcher);
    const stop = (): void => {
      stopWatching();
      watchers.delete(told);
    };
    // What another process ended before the store listens is not told. One
    // that joins others has nothing to wait for.
    if (subject.elsewhere !== undefined && watchers.size === 0) {
      await until("it listens", () => listens);
    }
    watchers.add(told);
    return { told, stop };
  }
}

/** What was told of logins that ended. */
interface Watching {
  readonly told: readonly string[];
  readonly stop: () => void;
}
