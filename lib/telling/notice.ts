/** Tells on the console what is set up wrongly, each mistake once. */

/** Mistakes that are told for one kit. Beyond them nothing is told. */
const MAX_TOLD = 100;

const toldOf = new WeakMap<object, Set<string>>();

/**
 * Writes a line to the console.
 *
 * @param kit whose mistake it is, such as its configuration: what was told for it is not told again
 * @param mistake what is told once. Default the text; a text with something of a request in it needs a name
 */
export function noticeOnce(
  kit: object,
  text: string,
  mistake: string = text,
): void {
  let told = toldOf.get(kit);
  if (told === undefined) {
    told = new Set();
    toldOf.set(kit, told);
  }
  if (told.has(mistake) || told.size === MAX_TOLD) return;
  told.add(mistake);
  console.warn(`express-login-kit: ${text}`);
}
