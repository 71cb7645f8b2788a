/** The blocks of code in a page of Markdown, with the files that the page says they are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A block between fences. */
export interface CodeBlock {
  /** What stands behind the fence: `js`, `ts`, `sh` and so on. */
  readonly language: string;
  readonly code: string;
  /** The paragraph before it. */
  readonly before: string;
  /** The file that the paragraph before it names ("into `app.js`", or its name alone). Default none. */
  readonly file: string | undefined;
}

/** The blocks of a page, by its path from the top of the repository. */
export function codeBlocksOf(page: string): CodeBlock[] {
  const text = readFileSync(join(import.meta.dirname, "../..", page), "utf8");
  const blocks = text.matchAll(
    /(?<paragraph>[^\n]*)\n\n```(?<language>[\w-]+)\n(?<code>[^]*?)^```$/gm,
  );
  return [...blocks].map(({ groups }) => {
    const { paragraph = "", language = "", code = "" } = groups ?? {};
    return { language, code, before: paragraph, file: fileNamedIn(paragraph) };
  });
}

function fileNamedIn(paragraph: string): string | undefined {
  const named = /(?:^|into |This is )`(?<file>[\w./-]+\.?\w+)`/.exec(paragraph);
  return named?.groups?.["file"];
}
