/** Which tests there are, by file and title, for documents that name them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const TESTS = join(import.meta.dirname, "..");

/** Sources of the tests, by their path below `test/`. */
const sources = new Map(
  readdirSync(TESTS, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => [file, readFileSync(join(TESTS, file), "utf8")]),
);

/**
 * Whether there is a test with this very title, `%s` and its like as they are in
 * the source.
 *
 * @param file its path below `test/`; default: any
 */
export function isTestTitle(title: string, file?: string): boolean {
  const candidates =
    file === undefined ? [...sources.values()] : [sources.get(file) ?? ""];
  return candidates.some((source) =>
    ['"', "'", "`"].some((quote) => source.includes(quote + title + quote)),
  );
}
