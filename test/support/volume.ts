/** How much of something a test does: little while one works on it, all of it in `npm run test:load`. */

/** Whether this is `npm run test:load`: alone on the machine, and with time. */
export const isLoad = process.env["TEST_LOAD"] === "1";

/** @returns the second in `npm run test:load`, the first in `npm run jest -- --roots test/load`. */
export function volume<Amount>(little: Amount, much: Amount): Amount {
  return isLoad ? much : little;
}
