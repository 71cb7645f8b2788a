/** The driver for Redis: one server, Sentinel or Cluster. */
import type {
  Case,
  FieldName,
  FieldValue,
  Step,
  StoreDriver,
  Subscriber,
} from "../driver.js";
import { createRedisChannel, type RedisChannel } from "./redis-channel.js";
import { askRedis, isClosed, type RedisClient } from "./redis-command.js";
import {
  DECIDE,
  ENTER,
  LEAVE,
  LIFETIME,
  MEMBERS,
  NOTE,
} from "./redis-scripts.js";

// RESP3's blob string, which node-redis can be told to give out as a Buffer.
const BLOB_STRING = 36;

/**
 * Creates it. A record is a hash, a group a sorted set, a note a hash.
 *
 * @param timeoutSeconds how long a command may take
 */
export function createRedisDriver(
  client: RedisClient,
  timeoutSeconds: number,
): StoreDriver {
  const binary = client.withTypeMapping({
    [BLOB_STRING]: Buffer,
  }) as RedisClient;
  const channels = new Map<string, RedisChannel>();
  const evaluate = (
    script: string,
    keys: readonly string[],
    values: readonly (FieldValue | number)[],
    through = client,
  ): Promise<unknown> =>
    askRedis(
      () =>
        through.eval(script, {
          keys: [...keys],
          arguments: values.map((value) =>
            typeof value === "number" ? String(value) : value,
          ),
        }),
      timeoutSeconds,
    );

  return {
    async read(key, fields) {
      const reply = await askRedis(
        () => binary.hmGet(key, [...fields]),
        timeoutSeconds,
      );
      return bytesOf(reply as unknown[]);
    },
    async decide(cases) {
      const { keys, values } = programOf(cases);
      const reply = await evaluate(DECIDE, keys, values, binary);
      const [number, ...fields] = reply as unknown[];
      const index = Number(number) - 1;
      for (const step of cases[index]?.then ?? []) {
        // Without the way through Redis, which an ACL may forbid.
        if ("publish" in step) channels.get(step.publish)?.tell(step.message);
      }
      return { index, fields: bytesOf(fields) };
    },
    async enter({ members, note }, entry) {
      const { member, endsAt, now, lifetimeMs, want } = entry;
      const values = [member, endsAt, now, lifetimeMs, ...want];
      const reply = await evaluate(ENTER, [members, note], values);
      const [count, numbers] = reply as [number, (string | null)[]];
      return {
        count,
        note: numbers.map((one) => (one === null ? undefined : Number(one))),
      };
    },
    async leave({ members }, member) {
      await evaluate(LEAVE, [members], [member]);
    },
    async members({ members }) {
      return (await evaluate(MEMBERS, [members], [])) as string[];
    },
    async note({ members, note }, numbers, lifetimeMs) {
      const values = [lifetimeMs, ...Object.entries(numbers).flat()];
      return (await evaluate(NOTE, [members, note], values)) as string[];
    },
    async lifetimeMs(key) {
      const left = Number(await evaluate(LIFETIME, [key], []));
      return left < 0 ? undefined : left;
    },
    subscribe(name: string, subscriber: Subscriber) {
      const channel = channels.get(name) ?? createRedisChannel(client, name);
      channels.set(name, channel);
      return channel.subscribe(subscriber);
    },
    isClosed: () => isClosed(client),
  };
}

function bytesOf(replies: readonly unknown[]): (Buffer | undefined)[] {
  return replies.map((reply) => (Buffer.isBuffer(reply) ? reply : undefined));
}

/** Cases as {@link DECIDE} reads them. */
function programOf(cases: readonly Case[]): {
  readonly keys: readonly string[];
  readonly values: readonly FieldValue[];
} {
  const keys: string[] = [];
  const values: FieldValue[] = [];
  const keyOf = (key: string): number => {
    const known = keys.indexOf(key);
    return known === -1 ? keys.push(key) : known + 1;
  };
  const nameOf = ({ key, field }: FieldName) => ({ key: keyOf(key), field });
  // The program itself comes before them.
  const valueOf = (value: FieldValue): number => values.push(value) + 1;
  const fieldsOf = (fields: Readonly<Record<string, FieldValue>>): number[] =>
    Object.entries(fields).flat().map(valueOf);
  const stepOf = (step: Step): object => {
    if ("set" in step) {
      const { set, fields, lifetimeMs: lifetime } = step;
      return { set: keyOf(set), fields: fieldsOf(fields), lifetime };
    }
    if ("unset" in step) return { unset: nameOf(step.unset) };
    if ("delete" in step) return { delete: keyOf(step.delete) };
    if ("publish" in step) return step;
    const { setAside, under, fields, lifetimeMs: lifetime } = step;
    return {
      setAside: keyOf(setAside),
      under: keyOf(under),
      fields: fieldsOf(fields),
      lifetime,
    };
  };
  const program = cases.map(({ when, then, want }) => ({
    when: when.map(({ isOneOf, ...name }) => ({
      ...nameOf(name),
      values: isOneOf.map((one) => (one === undefined ? 0 : valueOf(one))),
    })),
    steps: then.map(stepOf),
    want: (want ?? []).map(nameOf),
  }));
  return { keys, values: [JSON.stringify(program), ...values] };
}
