/** The pages that are made, in whole or in part, as they have to be now. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { readInterfaces } from "./declarations.js";
import { errorCodes } from "./error-codes.js";
import { membersOf } from "./interface-pages.js";
import { type Origin, remade } from "./regions.js";
import { type Requirements, requirementsList } from "./requirements.js";
import { readShown, type Shown } from "./shown.js";
import { type WrongSetUp, wrongSetUpTables } from "./wrong-set-ups.js";

/** A page below the top of the repository. */
export interface MadePage {
  readonly file: string;
  readonly written: string;
  readonly made: string;
}

/** Every page with a part that is made. */
const PAGES = [
  "docs/options.md",
  "docs/api.md",
  "docs/errors.md",
  "docs/requirements.md",
  "docs/guides/when-something-fails.md",
];

/**
 * Makes them.
 *
 * @param root the top of the repository
 * @throws {Error} where a source lacks what its page needs, such as the TSDoc of an option
 */
export function makePages(root: string): MadePage[] {
  const read = (file: string): string => readFileSync(join(root, file), "utf8");
  const shown = readTests(root, read);
  const make = ({ source, name, prefix }: Origin): string => {
    switch (name) {
      case "failureTexts":
        return errorCodes(source, read(source), shown);
      case "requirements":
        return requirementsList(
          JSON.parse(read(source)) as Requirements,
          shown,
        );
      case "wrongSetUps":
        return wrongSetUpTables(
          JSON.parse(read(source)) as readonly WrongSetUp[],
        );
      default:
        return membersOf(readInterfaces(source, read(source)), name, prefix);
    }
  };
  return PAGES.map((file) => {
    const written = read(file);
    return { file, written, made: remade(written, make) };
  });
}

function readTests(root: string, read: (file: string) => string): Shown[] {
  return readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .sort()
    .flatMap((file) => readShown(file, read(`test/${file}`)));
}
