/** Reads what the attackers of test/security send: data, not code. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The file in test/security. In its texts `{x*3000}` is 3,000 times "x". */
export function corpus(file: string): unknown {
  const path = join(import.meta.dirname, "../security", file);
  return JSON.parse(readFileSync(path, "utf8"), (_key, value: unknown) =>
    typeof value === "string" ? written(value) : value,
  );
}

function written(text: string): string {
  return text.replace(
    /\{(?<part>[^{}]+)\*(?<times>\d+)\}/g,
    (_all, part: string, times: string) => part.repeat(Number(times)),
  );
}
