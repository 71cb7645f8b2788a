/** Checks the parameters of a recipe. */
import * as z from "zod";
import { checked, membersOf } from "../base/checked.js";
import { parseUrl } from "../base/parse-url.js";

/** A text that is not empty. */
export const text: z.ZodString = z
  .string({
    error: ({ input }) =>
      input === undefined ? "is missing" : "must be a text",
  })
  .min(1, "must not be empty");

/** The base address of a provider: https, or http on loopback; may have a path. A slash at its end is dropped. */
export const address: z.ZodType<string> = text
  .refine(
    isAddress,
    "must be like https://sso.example, without query, fragment or user name",
  )
  .transform((url) => url.replace(/\/$/, ""));

/** The issuer of a provider, letter by letter. */
export const issuer: z.ZodString = text.refine(
  isAddress,
  "must be like https://sso.example, without query, fragment or user name",
);

/** The name of a host, such as `shop.eu.auth0.com`. */
export const host: z.ZodString = text.regex(
  /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i,
  "must be the name of a host, such as login.example.com, without https:// or a path",
);

/** One part of the name of a host. */
export const label: z.ZodString = text.regex(
  /^[a-z0-9-]+$/i,
  "must be one word of letters, digits and -",
);

/** One word that stands in an address or in a scope. */
export const word: z.ZodString = text.regex(
  /^[\w.~@-]+$/,
  "must be one word of letters, digits and . _ ~ @ -",
);

/** What to ask for in place of the recipe's own scope. */
export const scope: z.ZodString = text.refine(
  (value) => value.split(" ").includes("openid"),
  "must contain openid",
);

/**
 * A copy of the parameters, as the shape reads them.
 *
 * @throws {ConfigError} that names the recipe and lists every problem
 */
export function checkedParameters<Shape extends z.core.$ZodLooseShape>(
  recipe: string,
  shape: Shape,
  parameters: unknown,
): z.output<z.ZodObject<Shape, z.core.$strict>> {
  return checked(recipe, "parameters", membersOf(shape), parameters);
}

function isAddress(value: string): boolean {
  const url = parseUrl(value);
  return (
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    `${url.search}${url.hash}${url.username}${url.password}` === ""
  );
}
