/** Tells at start what is not as it should be in production. */
import type { Config } from "../config/config.js";
import { sharesCookie } from "../express/cookie-owners.js";
import { clientProblems } from "../stores/redis/redis-command.js";

/** Writes it to the console, once at start. */
export function noticeDevelopment(config: Config): void {
  const notices = config.redis
    ? clientProblems(config.redis).map(
        (problem) => `about this Redis client: ${problem}.`,
      )
    : config.store
      ? []
      : [
          "embedded login store, for development: one process, and every login ends with it. Hand over a Redis client for anything else.",
        ];
  if (!config.secureCookies) {
    notices.push(
      "cookies are sent without Secure, because baseUrl is plain http.",
    );
  }
  if (sharesCookie(config)) {
    notices.push(
      `another kit of this process signs in at ${config.baseUrl} with the same cookie, ${config.session.cookieName}: each sign-in there ends the one here. Give each kit its own session.cookieName.`,
    );
  }
  const wantsResource = [...config.resourceServers.values()].some(
    ({ resource }) => resource !== undefined,
  );
  if (wantsResource && !config.scope.split(" ").includes("offline_access")) {
    notices.push(
      "resourceServers with a resource need a refresh token, which many providers give for the scope offline_access only.",
    );
  }
  for (const text of notices) console.warn(`express-login-kit: ${text}`);
}
