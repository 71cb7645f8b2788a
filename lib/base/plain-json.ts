/** Plain JSON: whether a value is the same when it comes back from a text, copies of one that is, and one that stays as it is. */
import { isPlainObject, kindOf } from "./checked.js";

/** How deep it may be nested. One that contains itself is deeper. */
const MAX_DEPTH = 16;

/**
 * What of a value JSON would change or drop; undefined: nothing.
 *
 * @param name what the value is called, in words for developers
 */
export function jsonFault(
  value: unknown,
  name: string,
  depth: number = MAX_DEPTH,
): string | undefined {
  if (value === null || typeof value === "string") return undefined;
  if (typeof value === "boolean") return undefined;
  if (typeof value === "number") {
    const isKept = Number.isFinite(value) && !Object.is(value, -0);
    return isKept ? undefined : `${name} is ${numberOf(value)}`;
  }
  const isList = Array.isArray(value);
  if (!isList && !isPlainObject(value)) return `${name} is ${kindOf(value)}`;
  if (depth === 0) {
    return `${name} is nested more than ${String(MAX_DEPTH)} levels deep, or contains itself`;
  }
  if (isList && !isDense(value)) return `${name} is a list with gaps or names`;
  for (const member of Reflect.ownKeys(value)) {
    if (isList && member === "length") continue;
    const path = `${name}.${String(member)}`;
    if (
      typeof member === "symbol" ||
      !Object.prototype.propertyIsEnumerable.call(value, member)
    ) {
      return `${path} is hidden`;
    }
    const members = value as Readonly<Record<string, unknown>>;
    const fault = jsonFault(members[member], path, depth - 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** A deep copy of what JSON can hold. A spread copies `__proto__` as a member, as JSON.parse makes it. */
export function copyOfJson<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOfJson) as Value;
  const copy = { ...value } as Record<string, unknown>;
  for (const name of Object.keys(copy)) {
    const member = copy[name];
    if (typeof member === "object") copy[name] = copyOfJson(member);
  }
  return copy as Value;
}

/** The same value, which nobody changes any more, however deep. */
export function frozenJson<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) frozenJson(member);
  return Object.freeze(value);
}

/** Whether a list has its members and nothing else. */
function isDense(list: readonly unknown[]): boolean {
  return Object.keys(list).length === list.length;
}

function numberOf(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
