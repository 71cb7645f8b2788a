/** The parts that give out access tokens. */
import type { Ground } from "../config/ground.js";
import type { Logins } from "../logins/logins.js";
import type { RequestLogins } from "../logins/request-login.js";
import type { Providers } from "../provider/providers.js";
import { createCounters, type Counters } from "../telling/counters.js";
import { createAccessTokenFor } from "./access-token-for.js";
import { createClientToken, type ClientToken } from "./client-token.js";
import { createLoginsOfRequests } from "./login-actions.js";
import type { LogoutRevocation } from "./logout-revocation.js";
import { createRejections } from "./rejections.js";
import { createRenewToken } from "./renewal.js";
import { createRenewals } from "./renew-once.js";
import { createAuthorizedFor, type AuthorizedFor } from "./send-authorized.js";
import { createSharedRenewal } from "./shared-renewal.js";

/** What other rooms ask about tokens. */
export interface Tokens extends RequestLogins {
  readonly authorizedFor: AuthorizedFor;
  readonly counters: Counters;
  readonly clientToken: ClientToken;
  /** Refuses new renewals from now on; resolves when those under way are stored. Never rejects. */
  readonly finishRenewals: () => Promise<void>;
}

/** Creates them. */
export function createTokens(
  ground: Ground,
  providers: Providers,
  { loginEnding, liveLogins }: Logins,
  logoutRevocation: LogoutRevocation,
): Tokens {
  const { config, loginStore } = ground;
  const counters = createCounters();
  const { renewOnce, finish: finishRenewals } = createRenewals({
    loginStore,
    random: Math.random,
    onWait: () => {
      counters.tokenWaits += 1;
    },
  });
  const renewToken = createRenewToken({
    ...ground,
    providers,
    loginEnding,
    logoutRevocation,
    counters,
  });
  const rejections = createRejections(ground.now);
  const accessTokenFor = createAccessTokenFor(
    ground,
    createSharedRenewal(ground, renewOnce, renewToken, rejections),
    rejections,
  );
  const authorizedFor = createAuthorizedFor(accessTokenFor);
  return {
    authorizedFor,
    counters,
    finishRenewals,
    clientToken: createClientToken(ground, renewOnce, providers, counters),
    ...createLoginsOfRequests(
      config,
      accessTokenFor,
      authorizedFor,
      providers,
      liveLogins,
    ),
  };
}
