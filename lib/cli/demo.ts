/** Starts the demo, which is a bundle of its own in the package. */

/** The part of the bundle that is needed here. */
interface Demo {
  readonly startDemo: (args: readonly string[]) => Promise<void>;
}

/** Resolves never: the demo ends with its process, by Ctrl+C. */
export async function startDemo(hasTwoProviders: boolean): Promise<never> {
  const home = import.meta.resolve("express-login-kit/package.json");
  const bundle = new URL("dist/demo/demo.js", home);
  const demo = (await import(bundle.href)) as Demo;
  await demo.startDemo(hasTwoProviders ? ["--two-providers"] : []);
  return await new Promise<never>(() => undefined);
}
