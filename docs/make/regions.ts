/** The parts of a page that are made, between their marks; what is around them is typed. */

/** `<!-- made of lib/config/options.ts: LoginKitOptions -->`, and `as kit.` where names get a prefix. */
const REGION =
  /^(?<begin><!-- made of (?<source>[\w./-]+): (?<name>\w+)(?: as (?<prefix>[\w.]+))? -->)\n[^]*?^<!-- end -->$/gm;

/** What a part is made of. */
export interface Origin {
  /** A file, from the top of the repository. */
  readonly source: string;
  /** What in it. */
  readonly name: string;
  readonly prefix: string | undefined;
}

/** The page with every part made anew. */
export function remade(page: string, make: (origin: Origin) => string): string {
  return page.replace(REGION, (...found) => {
    const { begin = "", ...origin } = found.at(-1) as {
      begin?: string;
    } & Origin;
    return `${begin}\n\n${make(origin)}\n\n<!-- end -->`;
  });
}
