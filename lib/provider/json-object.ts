/** Reads a JSON object of a provider. */

/** A JSON object whose members nobody has checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The object; undefined where the text is another value, or no JSON. */
export function jsonObject(text: string): JsonObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isJsonObject(value) ? value : undefined;
}

/** Whether a value that was parsed is an object, not null or a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without members that are null, or a text or list that is empty: they say as much as none. */
export function withoutEmptyMembers(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) =>
        value !== null &&
        value !== "" &&
        !(Array.isArray(value) && value.length === 0),
    ),
  );
}
