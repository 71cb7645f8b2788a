/** Looks at a set-up from options to Redis, and says what would keep users from signing in. */
import { checkApplication } from "./checks/application.js";
import { checkOptions } from "./checks/options.js";
import { checkProvider } from "./checks/provider.js";
import { checkRedis } from "./checks/redis.js";
import type { Finding } from "./findings.js";

/** What is looked at. */
export interface Examination {
  /** The options of `createLoginKit`. */
  readonly options: unknown;
  /** Where the application runs; absent: it is not asked. */
  readonly url?: string | undefined;
  /** `NODE_ENV` of the application. */
  readonly nodeEnv: string | undefined;
}

/** Everything that can be found out; it changes nothing, and signs nobody in. */
export async function examine({
  options,
  url,
  nodeEnv,
}: Examination): Promise<readonly Finding[]> {
  const { config, findings } = checkOptions(options, nodeEnv);
  if (config === undefined) return findings;
  const others = await Promise.all([
    ...[...config.providers.values()].map((provider) =>
      checkProvider(provider, config.baseUrls),
    ),
    checkRedis(config),
    ...(url === undefined
      ? []
      : [checkApplication(url.replace(/\/$/, ""), config)]),
  ]);
  return [...findings, ...others.flat()];
}
