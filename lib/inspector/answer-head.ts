/** The head of an answer, when it is written. */
import type { ServerResponse } from "node:http";
import type { Head } from "./arrows.js";
import { harmless } from "./harmless.js";

/** Calls back when the head of an answer is written, whoever writes it. */
export function onHead(
  res: ServerResponse,
  written: (head: Head) => void,
): void {
  const writeHead = res.writeHead.bind(res) as (
    ...parameters: readonly unknown[]
  ) => ServerResponse;
  let isWritten = false;
  res.writeHead = (...parameters: readonly unknown[]) => {
    const result = writeHead(...parameters);
    if (!isWritten) {
      isWritten = true;
      harmless(() => {
        written({ ...res.getHeaders(), ...headGiven(parameters.at(-1)) });
      });
    }
    return result;
  };
}

/** What was given to `writeHead`: Node does not tell it afterwards. An object, or a list of names and values. */
function headGiven(given: unknown): Head {
  if (typeof given !== "object" || given === null) return {};
  const list: readonly unknown[] = Array.isArray(given)
    ? given.flat()
    : Object.entries(given).flatMap(([name, value]) => [name, [value].flat()]);
  const head: Record<string, unknown[]> = Object.create(null) as Record<
    string,
    unknown[]
  >;
  for (let index = 0; index + 1 < list.length; index += 2) {
    const name = String(list[index]).toLowerCase();
    head[name] = [...(head[name] ?? []), list[index + 1]].flat();
  }
  return head;
}
