/** Says in words of ours what the schema library found wrong with a value. */

/** What its kinds of values are called. */
const KINDS: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  NaN: "no number",
  null: "null",
  object: "an object",
  record: "an object",
  string: "a text",
};

const LIMITS: Readonly<Record<string, string>> = {
  ">=": "at least",
  ">": "more than",
  "<=": "at most",
  "<": "less than",
};

const kind = (name: string): string => KINDS[name] ?? name;

const limit = (sign: string): string => LIMITS[sign] ?? sign;

/** Its own texts, and ours for them. Texts of ours are none of these. */
const TEXTS: readonly (readonly [
  pattern: RegExp,
  ours: (...parts: string[]) => string,
])[] = [
  [
    /^Invalid input: expected (\w+), received undefined$/,
    (expected) => `is missing; must be ${kind(expected)}`,
  ],
  [
    /^Invalid input: expected (\w+), received (\w+)$/,
    (expected, received) =>
      `must be ${kind(expected)}; this is ${kind(received)}`,
  ],
  [/^Invalid option: expected one of (.+)$/, oneOf],
  [/^Too small: expected \w+ to have >=1 \w+$/, () => "must not be empty"],
  [
    /^Too (?:small|big): expected \w+ to have ([<>]=?)(\d+) (\w+)$/,
    (sign, count, what) => `must have ${limit(sign)} ${count} ${what}`,
  ],
  [
    /^Too (?:small|big): expected \w+ to be ([<>]=?)(\S+)$/,
    (sign, bound) => `must be ${limit(sign)} ${bound}`,
  ],
];

/** The text for people; one that is ours already stays. */
export function inOurWords(message: string): string {
  for (const [pattern, ours] of TEXTS) {
    const [, ...parts] = pattern.exec(message) ?? [];
    if (pattern.test(message)) return ours(...parts);
  }
  return message;
}

function oneOf(values: string): string {
  return `must be one of ${values.split("|").join(", ")}`;
}
