/** The parts that give out access tokens. */
import type { Ground } from "../config/ground.js";
import type { Logins } from "../logins/logins.js";
import type { RequestLogins } from "../logins/request-login.js";
import type { ProviderParts } from "../provider/provider-parts.js";
import { createCounters, type Counters } from "../telling/counters.js";
import { createClientToken, type ClientToken } from "./client-token.js";
import { createLoginsOfRequests } from "./login-actions.js";
import type { LogoutRevocation } from "./logout-revocation.js";
import { createRefresh } from "./refresh.js";
import { createRenewals } from "./renew-once.js";

/** What other rooms ask about tokens. */
export interface Tokens extends RequestLogins {
  readonly counters: Counters;
  readonly clientToken: ClientToken;
  /** Refuses new renewals from now on; resolves when those under way are stored. Never rejects. */
  readonly finishRenewals: () => Promise<void>;
}

/** Creates them. */
export function createTokens(
  ground: Ground,
  { tokenRequests, userInfo }: ProviderParts,
  { loginEnding, liveLogins }: Logins,
  logoutRevocation: LogoutRevocation,
): Tokens {
  const { config, loginStore } = ground;
  const counters = createCounters();
  const { renewOnce, finish: finishRenewals } = createRenewals({
    loginStore,
    waitSeconds: config.providerTimeoutSeconds,
    random: Math.random,
    onWait: () => {
      counters.tokenWaits += 1;
    },
  });
  const accessTokenFor = createRefresh({
    ...ground,
    renewOnce,
    tokenRequests,
    loginEnding,
    logoutRevocation,
    counters,
  });
  return {
    counters,
    finishRenewals,
    clientToken: createClientToken(ground, renewOnce, tokenRequests, counters),
    ...createLoginsOfRequests(config, accessTokenFor, userInfo, liveLogins),
  };
}
