/** Tells at start what is not as it should be in production. */
import type { Config } from "../config/config.js";
import { sharedWithOthers } from "../express/cookie-owners.js";
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
  const shared = sharedWithOthers(config);
  if (shared.paths) {
    notices.push(
      `another kit of this process has the path ${config.paths.login} at ${config.baseUrls.join(", ")}: whichever is mounted first answers for both. Give each kit its own option paths, or another path in baseUrl.`,
    );
  }
  if (shared.cookie) {
    notices.push(
      `another kit of this process signs in at ${config.baseUrls.join(", ")} with the same cookie, ${config.session.cookieName}: each sign-in there ends the one here. Give each kit its own session.cookieName.`,
    );
  }
  const wantsResource = [...config.resourceServers.values()].some(
    ({ resource }) => resource !== undefined,
  );
  const isOffline = [...config.providers.values()].every(({ scope }) =>
    scope.split(" ").includes("offline_access"),
  );
  const wantsFreshClaims = [...config.providers.values()].some(
    ({ claimsRefreshSeconds }) => claimsRefreshSeconds !== undefined,
  );
  if ((wantsResource || wantsFreshClaims) && !isOffline) {
    const what = wantsResource
      ? "resourceServers with a resource need"
      : "claimsRefreshSeconds needs";
    notices.push(
      `${what} a refresh token, which many providers give for the scope offline_access only.`,
    );
  }
  for (const text of notices) console.warn(`express-login-kit: ${text}`);
}

/** Tells that the endpoints were mounted where no browser is sent. */
export function noticeMounted(path: string): void {
  console.warn(
    `express-login-kit: kit.routes is mounted below ${path}, which is not the path of baseUrl, so browsers and the provider are sent to other addresses. Mount it with app.use(kit.routes), or put ${path} behind baseUrl, such as https://example.com${path}.`,
  );
}
