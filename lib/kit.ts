/** createLoginKit: wiring, no decisions. */
import { readConfig } from "./config/config.js";
import type { LoginKitOptions } from "./config/options.js";
import { createIdentify, createRequireAuth } from "./flow/3-require-auth.js";
import { createForward } from "./flow/4-forward.js";
import { answering, createErrorHandler } from "./http/answer.js";
import { createRoutes } from "./http/routes.js";
import { createClose } from "./kit/close.js";
import { createEndpoints, createSessionMiddleware } from "./kit/endpoints.js";
import type { LoginKit } from "./kit/login-kit.js";
import { noticeDevelopment, noticeMounted } from "./kit/notices.js";
import { createParts, type Parts } from "./parts.js";
import { createAuthenticateUpgrade } from "./sockets/authenticate-upgrade.js";
import { createForwardUpgrade } from "./sockets/forward-upgrade.js";

/**
 * Creates the login kit.
 *
 * Contacts nothing: provider and store are reached when first needed, so the
 * application starts whether or not they are up.
 *
 * @throws {ConfigError} that lists every wrong option
 */
export function createLoginKit(options: LoginKitOptions): LoginKit {
  const config = readConfig(options, { nodeEnv: process.env["NODE_ENV"] });
  noticeDevelopment(config);
  const parts = createParts(config);
  const session = createSessionMiddleware(parts);
  const endpoints = createEndpoints(parts, session);
  const { session: sessionStatus, ...others } = endpoints;
  const forward = createForward(parts);
  const authenticateUpgrade = createAuthenticateUpgrade(parts);
  return {
    ...others,
    session,
    sessionStatus,
    routes: createRoutes(config, endpoints, noticeMounted),
    requireAuth: createRequireAuth(parts),
    identify: answering(parts, createIdentify(parts)),
    forward: (...given) => answering(parts, forward(...given)),
    errorHandler: createErrorHandler(parts),
    authenticateUpgrade,
    forwardUpgrade: createForwardUpgrade(parts, authenticateUpgrade),
    sessions: parts.sessions,
    clientToken: parts.clientToken,
    counters: parts.counters,
    events: parts.events.emitter,
    ready: () => isReady(parts),
    close: closeOf(parts),
  };
}

async function isReady({ loginStore }: Parts): Promise<boolean> {
  try {
    await loginStore.ping();
    return true;
  } catch {
    return false;
  }
}

function closeOf(parts: Parts): LoginKit["close"] {
  const { liveLogins, logoutRevocation, finishing, revocation } = parts;
  return createClose({
    endings: [liveLogins.close, logoutRevocation.close],
    work: [parts.finishRenewals, finishing.settled, revocation.settled],
    giveUp: parts.giveUp,
  });
}
