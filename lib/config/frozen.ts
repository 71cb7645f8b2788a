/** Makes a configuration that nobody changes any more. */

/** The plain objects and lists of a configuration cannot be changed any more. */
export function frozen<Value extends object>(config: Value): Readonly<Value> {
  for (const value of Object.values({ ...config } as Record<string, unknown>)) {
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
