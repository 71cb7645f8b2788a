/** The key of the run's bundled providers: making one takes longer than a login. */
import type { ProviderMemory } from "../../demo-app/provider.js";
import { onceInARun } from "./once-in-a-run.js";

/** A provider's memory in which nobody is signed in, with the run's key. */
export async function freshProviderMemory(): Promise<ProviderMemory> {
  const { createSigningKey, freshMemory } =
    await import("../../demo-app/provider.js");
  const key = await onceInARun("signing-key", async () =>
    JSON.stringify(await createSigningKey()),
  );
  return freshMemory([JSON.parse(key) as ProviderMemory["keys"][number]]);
}
