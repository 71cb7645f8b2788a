/** What the inspector is given of a kit, and nobody else. */
import type { Parts } from "../parts.js";

const partsOf = new WeakMap<object, Parts>();

/** Lets the inspector find a kit's parts. */
export function makeInspectable(kit: object, parts: Parts): void {
  partsOf.set(kit, parts);
}

/** The parts of a kit; undefined: it is none. */
export function inspectable(kit: object): Parts | undefined {
  return partsOf.get(kit);
}
