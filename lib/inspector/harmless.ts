/** What fails in the inspector fails nothing else. */

/** Does it. Where it throws, the process is warned, and the result is undefined. */
export function harmless<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    // Its message may hold what was to be hidden.
    const [, place = ""] = error instanceof Error ? stackOf(error) : [];
    process.emitWarning(
      `The login inspector could not record a message, and the application goes on without it (${String((error as Error | undefined)?.name)} ${place.trim()}). Please report it.`,
    );
    return undefined;
  }
}

/** The same functions, and the functions that they give, each of them harmless. */
export function allHarmless<Functions extends object>(
  functions: Functions,
): Functions {
  const entries = Object.entries(functions).map(([name, work]) => [
    name,
    harmlessly(work as AnyFunction),
  ]);
  return Object.fromEntries(entries) as Functions;
}

type AnyFunction = (...given: readonly unknown[]) => unknown;

function harmlessly(work: AnyFunction): AnyFunction {
  return (...given) => {
    const result = harmless(() => work(...given));
    return typeof result === "function"
      ? harmlessly(result as AnyFunction)
      : result;
  };
}

/** The lines of its stack that name a place. */
function stackOf({ stack = "" }: Error): readonly string[] {
  return ["", ...stack.split("\n").filter((line) => /^\s+at /.test(line))];
}
