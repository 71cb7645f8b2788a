/** Who is connected to a Redis server. */
import { redisCommand } from "./redis-process.js";

/** How many connections there are, without the one that asks. */
export async function connections(url: string): Promise<number> {
  return (await list(url, [])) - 1;
}

/** How many of them listen to channels. */
export function subscribers(url: string): Promise<number> {
  return list(url, ["TYPE", "pubsub"]);
}

async function list(url: string, filter: readonly string[]): Promise<number> {
  const answer = await redisCommand(url, ["CLIENT", "LIST", ...filter]);
  return String(answer).split("\n").filter(Boolean).length;
}
