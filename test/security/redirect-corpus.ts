/**
 * Values that try to make a redirect leave the application.
 *
 * `{app}` stands for the application's origin and `{host}` for its host and port.
 * Whatever is foreign has "evil" in its name. They are in redirect-corpus.json.
 */
import { corpus } from "../support/corpus.js";

/** One value of a parameter that says where to go. */
export interface RedirectPayload {
  readonly kind: string;
  readonly outcome: Outcome;
  readonly value: string;
  /** Whether the value is percent-encoded by whoever sends it, or is so already. */
  readonly encoded: boolean;
}

/**
 * What becomes of it: it is refused, it is a local path after all, or it is an
 * address of the application, which some parameters take and others do not.
 */
export type Outcome = "refused" | "stays" | "own";

interface Group {
  readonly kind: string;
  readonly outcome: Outcome;
  readonly values: readonly string[];
  readonly encoded?: boolean;
}

const groups = corpus("redirect-corpus.json") as readonly Group[];

/** All of them. */
export const redirectPayloads: readonly RedirectPayload[] = groups.flatMap(
  ({ kind, outcome, values, encoded = false }) =>
    values.map((value) => ({ kind, outcome, value, encoded })),
);
