/** What the values of options may be. */
import * as z from "zod";
import {
  type SignatureAlgorithmName,
  whyUnavailable,
} from "../base/signature-algorithms.js";

/** A text, not empty. */
export const text: z.ZodString = z.string().min(1).max(4096);

/** Several texts. */
export const texts: z.ZodArray<z.ZodString> = z.array(text);

/** Seconds, more than none. */
export function seconds(
  fallback: number,
  most: number,
): z.ZodDefault<z.ZodNumber> {
  return z.number().positive().max(most).default(fallback);
}

/** A path of an endpoint. */
export const path: z.ZodString = z
  .string()
  .regex(
    /^(?:\/[A-Za-z0-9\-._~]+)+$/,
    "must be a path such as /login, without query and final slash",
  );

/**
 * A text without which nothing works.
 *
 * @param remedy what to do where it is missing
 */
export function required(remedy: string): z.ZodString {
  return z
    .string({
      error: ({ input }) =>
        input === undefined ? `is missing; ${remedy}` : undefined,
    })
    .min(1, `must not be empty; ${remedy}`)
    .max(4096);
}

/** The name of a signature algorithm that this Node.js can check. */
export function algorithm(
  names: readonly SignatureAlgorithmName[],
): z.ZodType<SignatureAlgorithmName> {
  return z.enum(names).superRefine((name, context) => {
    const why = whyUnavailable(name);
    if (why !== undefined) context.addIssue(`cannot be used here: ${why}`);
  });
}

/** Yes or no. */
export function flag(fallback: boolean): z.ZodDefault<z.ZodBoolean> {
  return z.boolean().default(fallback);
}

/** A function; what it does is not checked. */
export function functionValue<Value>(what: string): z.ZodType<Value> {
  return z.custom<Value>((value) => typeof value === "function", what);
}
