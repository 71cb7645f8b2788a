/** Writes the table of wrong set-ups, which test/e2e/wrong-set-ups.test.ts runs row by row. */

/** A set-up that is wrong in one way. */
export interface WrongSetUp {
  /** Its name in the fixture that is started. */
  readonly id: string;
  /** When it shows; a heading of the page. */
  readonly when: string;
  /** What the console or the page says. */
  readonly sees: string;
  /** What that text names beside: the option or the line to change. */
  readonly names: string;
  /** A sentence. */
  readonly cause: string;
  /** What to write instead. */
  readonly change: string;
}

/** A table for each time at which mistakes show. */
export function wrongSetUpTables(rows: readonly WrongSetUp[]): string {
  return [...new Set(rows.map(({ when }) => when))]
    .map((when) => tableOf(when, rows))
    .join("\n\n");
}

function tableOf(when: string, rows: readonly WrongSetUp[]): string {
  return [
    `## ${when}`,
    "",
    "| What you see | Cause | What to change |",
    "| --- | --- | --- |",
    ...rows
      .filter((row) => row.when === when)
      .map(
        ({ sees, cause, change }) => `| \`${sees}\` | ${cause} | ${change} |`,
      ),
  ].join("\n");
}
