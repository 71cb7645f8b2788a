/** Where the style sheet and the browser's script are. */
import { basename, join } from "node:path";

/** The folder `public`: beside the sources, so one up from the compiled files. */
export const publicFolder = join(
  import.meta.dirname,
  basename(import.meta.dirname) === "dist" ? "../public" : "public",
);
