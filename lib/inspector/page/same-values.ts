/** Finds where in a run one value is sent and comes back, by its fingerprint. */
import type { Arrow, HiddenValue, Run } from "../model.js";
import { arrowsOf } from "./words.js";

/** Where a value stands. */
export interface Place {
  readonly arrow: string;
  /** The arrow's step: 1, 2, 3. */
  readonly step: number;
  /** Of the field, or of the claim in a token. */
  readonly name: string;
}

/** The places of each value, by its fingerprint. */
export type Places = ReadonlyMap<string, readonly Place[]>;

/** Whether a text is kept back. */
export function isHidden(value: unknown): value is HiddenValue {
  return (
    typeof value === "object" &&
    value !== null &&
    "fingerprint" in value &&
    "length" in value
  );
}

/** Where each hidden value of a run stands. */
export function placesOf(run: Run): Places {
  const places = new Map<string, Place[]>();
  arrowsOf(run).forEach((arrow, index) => {
    for (const [name, { fingerprint }] of hiddenIn(arrow)) {
      const known = places.get(fingerprint) ?? [];
      if (
        known.some((place) => place.arrow === arrow.id && place.name === name)
      )
        continue;
      known.push({ arrow: arrow.id, step: index + 1, name });
      places.set(fingerprint, known);
    }
  });
  return places;
}

/** The names of the values that two arrows have in common. */
export function commonValues(
  places: Places,
  one: string,
  other: string,
): readonly string[] {
  const names = [...places.values()]
    .filter((known) => known.some(({ arrow }) => arrow === one))
    .flatMap((known) => known.filter(({ arrow }) => arrow === other))
    .map(({ name }) => name);
  return [...new Set(names)];
}

function hiddenIn({ fields, token }: Arrow): [string, HiddenValue][] {
  const claims = Object.entries({ ...token?.header, ...token?.claims });
  return [
    ...fields.map(({ name, value }): [string, unknown] => [name, value]),
    ...claims.map(([name, value]): [string, unknown] => [
      `${name} in the ${token?.kind ?? "token"}`,
      value,
    ]),
  ].filter((entry): entry is [string, HiddenValue] => isHidden(entry[1]));
}
