/** Reads options one by one, so that each problem is told although another option is wrong. */
import * as z from "zod";
import { describeIssue, membersOf, toldAsUndefined } from "../base/checked.js";

/** Options with every default filled in; those that are `Open` have none. */
export type Filled<Options, Open extends keyof Options = never> = {
  readonly [Name in Exclude<keyof Options, Open>]-?: NonNullable<Options[Name]>;
} & { readonly [Name in Open]?: NonNullable<Options[Name]> | undefined };

/** What each option may be, and its default. */
export type Shape<Values> = {
  readonly [Name in keyof Values]-?: z.ZodType<Values[Name]>;
};

/** Options are read once: to compile their schemas costs more than to read them. */
const READ_ONCE = { jitless: true };

/** What was read. */
export interface Reading<Values> {
  /** The options whose shape is right. */
  readonly values: Partial<Values>;
  /** What is wrong with the shape of the others, as lines for people. */
  readonly problems: readonly string[];
  /** Their names. */
  readonly misshapen: ReadonlySet<string>;
}

/**
 * Reads an object of options.
 *
 * @param meant further names that a misspelt one may stand for
 */
export function readOptions<Values>(
  shape: Shape<Values>,
  options: unknown,
  meant: readonly string[] = [],
): Reading<Values> {
  const schemas = Object.entries<z.ZodType>(shape);
  const outer = membersOf(
    Object.fromEntries(
      [...schemas.map(([name]) => name), ...meant].map((name) => [
        name,
        z.unknown().optional(),
      ]),
    ),
  ).safeParse(options, READ_ONCE);
  const issues: z.core.$ZodIssue[] = [];
  const given = isObject(options) ? options : {};
  const values: Record<string, unknown> = {};
  for (const [name, schema] of schemas) {
    const { data, error } = schema.safeParse(given[name], READ_ONCE);
    if (error === undefined) {
      values[name] = data;
      continue;
    }
    issues.push(
      ...firstOfEach(error.issues).map((issue) => within(name, issue)),
    );
    // A wrong member says nothing about the others: each resource server is judged.
    const others = schema.safeParse(
      withoutWrong(given[name], error.issues),
      READ_ONCE,
    );
    if (others.success) values[name] = others.data;
  }
  issues.push(...(outer.error?.issues ?? []));
  return {
    values: values as Partial<Values>,
    problems: issues.map((issue) =>
      toldAsUndefined(describeIssue(issue, "options"), options, issue.path),
    ),
    misshapen: new Set(issues.map(({ path }) => String(path[0]))),
  };
}

/**
 * All problems of options: those of their shape, and the rules they break
 * beyond that. What was left out because its shape is wrong is not missing.
 */
export function allProblems(
  { problems, misshapen }: Reading<unknown>,
  broken: readonly string[],
  options: unknown,
): string[] {
  const told = broken.flatMap((problem) => {
    const [option = ""] = problem.split(":", 1);
    return problem.includes(": is missing") && misshapen.has(option)
      ? []
      : [toldAsUndefined(problem, options, [option])];
  });
  return [...problems, ...told];
}

/** A copy without the members that have an issue. */
function withoutWrong(
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
): unknown {
  if (!isObject(value)) return undefined;
  const wrong = new Set(
    issues.flatMap((issue) =>
      issue.code === "unrecognized_keys" ? issue.keys : [issue.path[0]],
    ),
  );
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !wrong.has(name)),
  );
}

/** What is no text is not told how long it has to be, too. */
function firstOfEach(
  issues: readonly z.core.$ZodIssue[],
): readonly z.core.$ZodIssue[] {
  const wrong = new Set<string>();
  return issues.filter(({ code, path }) => {
    const place = path.join(".");
    if (wrong.has(place)) return false;
    if (code === "invalid_type") wrong.add(place);
    return true;
  });
}

function within(name: string, issue: z.core.$ZodIssue): z.core.$ZodIssue {
  return { ...issue, path: [name, ...issue.path] };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
