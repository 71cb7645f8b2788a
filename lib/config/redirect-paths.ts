/** Which redirect URIs of several providers cannot stand beside each other, or beside an endpoint. */
import type { Paths } from "./application-options.js";
import type { NameValues } from "./several-providers-options.js";

/** What is wrong with those of the option `providers`, as lines for people. */
export function listedPathProblems(
  providers: ReadonlyMap<string, NameValues>,
  paths: Partial<Paths>,
): string[] {
  const problems: string[] = [];
  const owners = new Map<string, string>();
  for (const [name, { callbackPath }] of providers) {
    const path = callbackPath ?? `${paths.callback ?? ""}/${name}`;
    const owner = owners.get(path);
    const endpoint = endpointOn(path, paths);
    const other =
      owner === undefined
        ? endpoint && `paths.${endpoint}`
        : `providers.${owner}`;
    if (other !== undefined) {
      problems.push(`providers.${name}.callbackPath: is that of ${other}`);
    }
    owners.set(path, name);
  }
  return problems;
}

/**
 * The same for one that was found: its redirect URI has its name.
 *
 * @param listed those of the option `providers`
 */
export function foundPathProblems(
  name: string,
  { callbackPath }: NameValues,
  paths: Paths,
  listed: readonly { readonly name: string; readonly callbackPath: string }[],
): string[] {
  if (callbackPath !== undefined) {
    return [
      "callbackPath: leave it out; only the paths of the option providers are known to kit.routes",
    ];
  }
  const path = `${paths.callback}/${name}`;
  const endpoint = endpointOn(path, paths);
  const owner = listed.find((provider) => provider.callbackPath === path);
  const other =
    owner === undefined
      ? endpoint && `paths.${endpoint}`
      : `providers.${owner.name}`;
  return other === undefined
    ? []
    : [`callbackPath: would be ${path}, which is that of ${other}`];
}

/** The endpoint that has a path; one provider may have that of the callback itself. */
function endpointOn(path: string, paths: Partial<Paths>): string | undefined {
  const [name] =
    Object.entries(paths).find(
      ([endpoint, taken]) => endpoint !== "callback" && taken === path,
    ) ?? [];
  return name;
}
