/** Makes a configuration that nobody changes any more. */

/**
 * The plain objects and lists of a configuration cannot be changed any more.
 *
 * @param ofApplication members that the application goes on using: they stay as they are
 */
export function frozen<Value extends object>(
  config: Value,
  ofApplication: readonly string[] = [],
): Readonly<Value> {
  const members = Object.entries(config as Record<string, unknown>);
  for (const [name, value] of members) {
    if (ofApplication.includes(name)) continue;
    const isPlain =
      typeof value === "object" &&
      value !== null &&
      [Object.prototype, Array.prototype, null].includes(
        Object.getPrototypeOf(value) as object | null,
      );
    if (isPlain) Object.freeze(value);
  }
  return Object.freeze(config);
}
