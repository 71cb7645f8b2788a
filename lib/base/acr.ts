/** Which authentication contexts (`acr`, Core 2) are good enough where others are asked for. */

/**
 * Whether an `acr` is one of the accepted, or stronger than one of them.
 *
 * @param order from the weakest to the strongest; what is not in it is good for itself alone
 */
export function isAcceptedAcr(
  acr: unknown,
  accepted: readonly string[],
  order: readonly string[],
): boolean {
  if (typeof acr !== "string") return false;
  if (accepted.includes(acr)) return true;
  const strength = order.indexOf(acr);
  return order
    .slice(0, Math.max(0, strength))
    .some((weaker) => accepted.includes(weaker));
}
