/** How much of something a test does: little with the others, all of it in `npm run test:load`. */

/** Whether this is `npm run test:load`: alone on the machine, and with time. */
export const isLoad = process.env["TEST_LOAD"] === "1";

/** @returns the first with the other tests, the second in `npm run test:load`. */
export function volume<Amount>(little: Amount, much: Amount): Amount {
  return isLoad ? much : little;
}
