/** Waits until a program that was started answers requests. */
import type { NodeProcess } from "./node-process.js";
import { until } from "./until.js";

/** Whatever it answers; throws with what it printed where it ends instead. */
export async function untilAnswers(
  url: string,
  program: NodeProcess,
): Promise<void> {
  await until(`${url} answers`, async () => {
    if (!program.isRunning()) throw new Error(program.output());
    return await fetch(url, { redirect: "manual" }).then(
      () => true,
      () => false,
    );
  });
}
