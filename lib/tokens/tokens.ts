/** The parts that give out access tokens. */
import type { Config } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import type { WithFreshClaims } from "../logins/current-login.js";
import type { Logins } from "../logins/logins.js";
import type { RequestLogins } from "../logins/request-login.js";
import type { Providers } from "../provider/providers.js";
import { createCounters, type Counters } from "../telling/counters.js";
import { noticeOnce } from "../telling/notice.js";
import type { Telemetry } from "../telling/telemetry.js";
import { createAccessTokenFor } from "./access-token-for.js";
import { createAskForClaims } from "./ask-for-claims.js";
import { createClaimsRenewal } from "./claims-renewal.js";
import {
  createClientToken,
  createIssuedClientToken,
  type ClientToken,
} from "./client-token.js";
import { createLoginsOfRequests } from "./login-actions.js";
import type { LogoutRevocation } from "./logout-revocation.js";
import { createPresentation } from "./presentation.js";
import { createRejections } from "./rejections.js";
import { createRenewToken } from "./renewal.js";
import { createRenewals } from "./renew-once.js";
import { createAuthorizedFor, type AuthorizedFor } from "./send-authorized.js";
import { createSharedRenewal, type RenewShared } from "./shared-renewal.js";

/** What other rooms ask about tokens. */
export interface Tokens extends RequestLogins {
  readonly authorizedFor: AuthorizedFor;
  readonly counters: Counters;
  readonly withFreshClaims: WithFreshClaims;
  readonly clientToken: ClientToken;
  /** Refuses new renewals from now on; resolves when those under way are stored. Never rejects. */
  readonly finishRenewals: () => Promise<void>;
}

/** Creates them. */
export function createTokens(
  ground: Ground,
  providers: Providers,
  { loginEnding, liveLogins }: Pick<Logins, "loginEnding" | "liveLogins">,
  logoutRevocation: LogoutRevocation,
): Tokens {
  const { loginStore, telemetry } = ground;
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
  const renewShared = measuredRenewal(
    createSharedRenewal(ground, renewOnce, renewToken, rejections),
    telemetry,
  );
  const accessTokenFor = createAccessTokenFor(ground, renewShared, rejections);
  const clientToken = createIssuedClientToken(
    ground,
    renewOnce,
    providers,
    counters,
  );
  const presentation = createPresentation(ground.now, (server) => {
    noticeBearer(ground.config, server);
  });
  const authorizedFor = createAuthorizedFor(
    accessTokenFor,
    clientToken,
    presentation,
  );
  return {
    authorizedFor,
    counters,
    withFreshClaims: createClaimsRenewal(
      ground,
      loginEnding,
      renewOnce,
      createAskForClaims(ground, providers, loginEnding, renewShared),
    ),
    finishRenewals,
    clientToken: createClientToken(clientToken),
    ...createLoginsOfRequests(
      ground,
      { accessTokenFor, authorizedFor, presentation },
      providers,
      liveLogins,
    ),
  };
}

/** Told once: what the server does not check protects nobody there. */
function noticeBearer(config: Config, server: string): void {
  const option = `resourceServers.${server}`;
  noticeOnce(
    config,
    `${option} answers 401 to tokens with a proof (DPoP), and gets them as Bearer. Let it check proofs, or set ${option}.senderConstrained to "never" if it cannot: then the first request is not sent twice. "always" sends no token as Bearer.`,
  );
}

/** The same where nobody measures how long requests wait. */
function measuredRenewal(
  renewShared: RenewShared,
  telemetry: Telemetry | undefined,
): RenewShared {
  return telemetry === undefined
    ? renewShared
    : (...wanted) => telemetry.tokenWait(() => renewShared(...wanted));
}
