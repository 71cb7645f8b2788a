/** createLoginKit: wiring, no decisions. */
import type { RequestHandler } from "express";
import { refuseCalled } from "./base/calls.js";
import { readConfig } from "./config/config.js";
import type { LoginKitOptions } from "./config/options.js";
import { createGuards } from "./flow/3-require-auth.js";
import { createForward } from "./flow/4-forward.js";
import { answering, createErrorHandler } from "./http/answer.js";
import { createRoutes } from "./http/routes.js";
import { createClose } from "./kit/close.js";
import {
  createAnsweredStart,
  createEndpoints,
  createSessionMiddleware,
} from "./kit/endpoints.js";
import { makeInspectable } from "./kit/inspectable.js";
import { createHealth, type HealthWatch } from "./kit/health.js";
import type { LoginKit } from "./kit/login-kit.js";
import { noticeDevelopment, noticeMounted } from "./kit/notices.js";
import { createSilentLogin } from "./pages/silent-login.js";
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
  const mountedAlone = Object.fromEntries(
    Object.entries(others).map(([name, handle]) => [
      name,
      handler(`kit.${name}`, handle),
    ]),
  ) as typeof others;
  const forward = createForward(parts);
  const { requireAuth, identify } = createGuards(parts, forward);
  const health = createHealth(parts);
  const authenticateUpgrade = createAuthenticateUpgrade(parts);
  const kit: LoginKit = {
    ...mountedAlone,
    session: handler("kit.session", session),
    sessionStatus: handler("kit.sessionStatus", sessionStatus),
    routes: handler(
      "kit.routes",
      createRoutes(config, endpoints, noticeMounted),
    ),
    startLogin: createAnsweredStart(parts),
    requireAuth,
    identify: handler("kit.identify", answering(parts, identify)),
    silentLogin: createSilentLogin(parts, identify),
    forward: (...given) => answering(parts, forward(...given)),
    errorHandler: createErrorHandler(parts),
    authenticateUpgrade,
    forwardUpgrade: createForwardUpgrade(parts, authenticateUpgrade),
    sessions: parts.sessions,
    clientToken: parts.clientToken,
    counters: parts.counters,
    events: parts.events.emitter,
    ready: () => isReady(parts),
    health: health.health,
    close: closeOf(parts, health),
  };
  makeInspectable(kit, parts);
  return kit;
}

/** Without this, JavaScript that writes `kit.routes()` is told of an undefined request. */
function handler(call: string, handle: RequestHandler): RequestHandler {
  return (req, res, next) => {
    refuseCalled(call, res);
    return handle(req, res, next);
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

function closeOf(parts: Parts, health: HealthWatch): LoginKit["close"] {
  const { liveLogins, logoutRevocation, finishing, revocation, watched } =
    parts;
  return createClose({
    endings: [
      health.close,
      liveLogins.close,
      logoutRevocation.close,
      () => watched.close?.(),
    ],
    work: [parts.finishRenewals, finishing.settled, revocation.settled],
    giveUp: parts.giveUp,
  });
}
