/** Checks what an application hands over, and says what is wrong with it. */
import * as z from "zod";
import { ConfigError } from "./errors.js";
import { nearest } from "./nearest.js";
import { inOurWords } from "./schema-words.js";

/**
 * A copy of what was handed over, as the schema reads it: what the application
 * does to its own object afterwards changes nothing.
 *
 * @param call what was called, such as `kit.requireAuth`
 * @param what what the value itself is called, such as `rule`
 * @throws {ConfigError} that names the call and lists every problem
 */
export function checked<Schema extends z.ZodType>(
  call: string,
  what: string,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const { data, error } = schema.safeParse(value);
  if (error !== undefined) {
    throw new ConfigError(
      error.issues.map((issue) =>
        toldAsUndefined(describeIssue(issue, what), value, issue.path),
      ),
      call,
    );
  }
  return data;
}

/** The schema of an object with these members. */
export type Members<Shape extends z.core.$ZodLooseShape> = z.ZodPreprocess<
  z.ZodObject<Shape, z.core.$strict>
>;

/**
 * The schema of a plain object that has no other members than these.
 *
 * Only own members of an object of `{}` or without a prototype count. A class
 * instance, a `Map`, a list or a function has none of the members that matter,
 * and would otherwise pass as an object in which nothing is said.
 */
export function membersOf<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
): Members<Shape> {
  const names = Object.keys(shape);
  const members = z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? unknownMembers(issue.keys, names)
        : undefined,
  });
  return z.preprocess(ownMembers, members);
}

/** The schema of an object, of whatever class, that has these functions. */
export function withFunctions<Value>(
  names: readonly string[],
  what: string | ((value: unknown) => string),
): z.ZodType<Value> {
  return z.custom<Value>(
    (value) =>
      typeof value === "object" &&
      value !== null &&
      names.every(
        (name) =>
          typeof (value as Record<string, unknown>)[name] === "function",
      ),
    typeof what === "string" ? what : { error: ({ input }) => what(input) },
  );
}

/** One line for people about what is wrong in a value. */
export function describeIssue(
  { path, message }: z.core.$ZodIssue,
  what: string,
): string {
  return `${path.map(String).join(".") || what}: ${inOurWords(message)}`;
}

/** A line about a value that is missing, where it is there and undefined: mostly an environment variable. */
export function toldAsUndefined(
  line: string,
  value: unknown,
  path: readonly PropertyKey[],
): string {
  return isMember(value, path)
    ? line.replace(
        ": is missing",
        ": is undefined (an environment variable that is not set?)",
      )
    : line;
}

function ownMembers(value: unknown, context: z.RefinementCtx): unknown {
  if (value === undefined) return value;
  if (!isPlainObject(value)) {
    context.addIssue(`must be a plain object; this is ${kindOf(value)}`);
    return z.NEVER;
  }
  const members = Object.create(null) as Record<string, unknown>;
  for (const name of Object.getOwnPropertyNames(value)) {
    members[name] = value[name];
  }
  return members;
}

/** Whether this is an object of `{}`, of whatever realm, or one without a prototype. */
export function isPlainObject(
  value: unknown,
): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // By what only Object.prototype has: that of another realm is another object.
  return (
    prototype === null || Object.hasOwn(prototype as object, "isPrototypeOf")
  );
}

/** What a value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value !== "object") return `a ${typeof value}`;
  const { constructor } = value;
  return typeof constructor === "function" && constructor.name !== ""
    ? `of the class ${constructor.name}`
    : "of a class";
}

/** The most names that are listed where none of them is near. */
const LISTED = 12;

function unknownMembers(
  unknown: readonly string[],
  names: readonly string[],
): string {
  return unknown
    .map((name) => {
      const meant = nearest(name, names);
      if (meant !== undefined) {
        return `unknown option ${name}; did you mean ${meant}?`;
      }
      return names.length <= LISTED
        ? `unknown option ${name}; there are ${names.join(", ")}`
        : `unknown option ${name}`;
    })
    .join(", ");
}

/** Whether the value has this member, be it undefined. */
function isMember(value: unknown, path: readonly PropertyKey[]): boolean {
  let holder = value;
  for (const name of path.slice(0, -1)) {
    holder = (holder as Record<PropertyKey, unknown> | undefined)?.[name];
  }
  const last = path.at(-1);
  return (
    last !== undefined &&
    typeof holder === "object" &&
    holder !== null &&
    Object.hasOwn(holder, last)
  );
}
