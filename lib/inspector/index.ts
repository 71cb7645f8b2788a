/** Shows logins while they happen: `express-login-kit/inspector`. */
import type { RequestHandler } from "express";
import * as z from "zod";
import { checked, membersOf } from "../base/checked.js";
import { ConfigError } from "../base/errors.js";
import { inspectable } from "../kit/inspectable.js";
import type { LoginKit } from "../kit/login-kit.js";
import { refuseProduction } from "./access.js";
import { createEndpoints } from "./endpoints.js";
import { createRecorder } from "./recorder.js";

export type * from "./model.js";
export { VIEWER_COOKIE } from "./viewers.js";
export {
  MESSAGES,
  PARTIES,
  STEPS,
  type Message,
  type MessageName,
  type Party,
} from "../telling/messages.js";

/** How the inspector behaves. */
export interface InspectorOptions {
  /** Lets it start where `NODE_ENV` is `production`. Default false: it throws. */
  readonly production?: boolean;
  /** Lets other machines and proxies ask it, such as the host of a container. Default false: loopback only. */
  readonly remote?: boolean;
  /** How many runs of a viewer are kept, in the memory of this process. Default 100. */
  readonly maxRuns?: number;
}

const OPTIONS = membersOf({
  production: z.boolean("must be true or false").default(false),
  remote: z.boolean("must be true or false").default(false),
  maxRuns: z
    .number("must be a number")
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(10_000, "must be at most 10000")
    .default(100),
});

/**
 * Creates a handler that shows logins, calls and logouts as sequence diagrams
 * while they happen. Mount it in development: `app.use("/__login", inspector(kit))`.
 *
 * Records only what browsers do that have opened it, and shows it to them alone.
 * Secrets are hidden before anything is kept. Without it nothing is recorded.
 *
 * @throws {ConfigError} in production, for wrong options, for what is no kit, and where the kit has an inspector
 * @see docs/inspector.md
 */
export function inspector(
  kit: LoginKit,
  options: InspectorOptions = {},
): RequestHandler {
  const { production, remote, maxRuns } = checked(
    "inspector",
    "options",
    OPTIONS,
    options,
  );
  refuseProduction(production, process.env["NODE_ENV"]);
  const parts = inspectable(kit);
  if (parts === undefined) {
    throw new ConfigError(
      ["kit: must be what createLoginKit returned"],
      "inspector",
    );
  }
  if (parts.watched.by !== undefined) {
    throw new ConfigError(["kit: has an inspector already"], "inspector");
  }
  const recorder = createRecorder(parts, maxRuns);
  parts.watched.by = recorder.watch;
  parts.watched.close = recorder.close;
  return createEndpoints(parts, recorder, remote);
}
