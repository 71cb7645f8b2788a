/** Which of several providers an address of the kit is about. */
import type { Request } from "express";
import { askedPath } from "../config/base-url.js";
import type { Config } from "../config/config.js";
import { isProviderName } from "../config/several-providers-options.js";

/**
 * The name at the end of a request's path, such as `staff` in
 * `/callback/staff`; undefined: it has none.
 *
 * @param path the endpoint's, as browsers see it
 */
export function providerNameIn(
  req: Request,
  path: string,
  config: Config,
): string | undefined {
  const asked = askedPath(req, config);
  const name = asked.slice(path.length + 1);
  return asked.startsWith(`${path}/`) && isProviderName(name)
    ? name
    : undefined;
}
