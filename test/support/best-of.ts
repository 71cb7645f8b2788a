/** Measures again what others, who use this machine too, may have held up. */

const ROUNDS = 3;

/** The shortest of up to three rounds, in milliseconds; the first below the limit is the last. */
export async function bestOf(
  limit: number,
  round: (index: number) => Promise<number>,
): Promise<number> {
  let best = Infinity;
  for (let index = 0; index < ROUNDS && best >= limit; index++) {
    best = Math.min(best, await round(index));
  }
  return best;
}
