/** The ids of the requirements: docs/requirements.md has to have a row for each. */

/** How many there are of each prefix, counted from 01. */
const COUNTS = {
  CORE: 54,
  DISC: 11,
  RPIL: 10,
  BCL: 23,
  FCL: 6,
  OA: 22,
  BT: 7,
  PK: 5,
  RV: 6,
  RI: 4,
  AT: 3,
  PAR: 6,
  ISS: 5,
  DP: 8,
  SU: 4,
  BCP: 22,
  BFF: 29,
  F2: 21,
};

/** OWASP ASVS 5.0: those that concern the kit, by its chapters. */
const ASVS = `
  1.2.2 1.3.6 1.5.3
  3.2.1 3.3.1 3.3.2 3.3.3 3.3.4 3.3.5 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 3.4.8 3.5.1 3.5.2 3.5.3 3.5.4 3.5.8 3.7.2
  4.1.1 4.1.3 4.1.4 4.2.1 4.2.2 4.2.3 4.2.4 4.2.5
  6.8.1 6.8.2 6.8.4
  7.1.1 7.1.2 7.1.3 7.2.1 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.4 7.4.5 7.5.1 7.5.2 7.5.3 7.6.1 7.6.2
  9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3
  10.1.1 10.1.2 10.2.1 10.2.2 10.2.3 10.5.1 10.5.2 10.5.3 10.5.4 10.5.5
  11.5.1
  12.1.1 12.2.1 12.3.1 12.3.2 12.3.3 12.3.4
  13.1.2 13.1.3 13.2.4 13.2.6 13.3.1 13.4.4
  14.1.2 14.2.1 14.2.2 14.2.4 14.2.6 14.3.1 14.3.2 14.3.3
  15.3.2 15.3.3 15.3.4 15.3.5 15.3.6 15.3.7
  16.1.1 16.2.1 16.2.2 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.5.1 16.5.2 16.5.3 16.5.4
`;

/** All of them, each once. */
export const REQUIREMENT_IDS: readonly string[] = [
  ...Object.entries(COUNTS).flatMap(([prefix, count]) =>
    Array.from(
      { length: count },
      (_, index) => `${prefix}-${String(index + 1).padStart(2, "0")}`,
    ),
  ),
  ...ASVS.trim().split(/\s+/),
];
