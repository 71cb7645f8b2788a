/** What the servers and those who prepare their logins have to agree on. */

/** Signs session cookies. */
export const SECRET = "a session secret of thirty-two characters";

/** Name of the cookie where the kit is not. */
export const COOKIE = "__Host-session";

/** Prefix of express-session's keys, and of those that one GET reads. */
export const SESSION_PREFIX = "sess:";
export const PLAIN_PREFIX = "plain:";

const PROVIDER = {
  issuer: "https://id.example",
  clientId: "shop",
  clientSecret: "secret",
};

/** Options of the kit, as in production, with one provider or with five by name; users are those of the third. */
export function kitOptions(redis, upstreamUrl, hasSeveral = false) {
  return {
    ...(hasSeveral
      ? {
          providers: Object.fromEntries(
            ["first", "second", "third", "fourth", "fifth"].map((name) => [
              name,
              {
                ...PROVIDER,
                issuer:
                  name === "third"
                    ? PROVIDER.issuer
                    : `https://${name}.id.example`,
              },
            ]),
          ),
        }
      : PROVIDER),
    baseUrl: "https://shop.example",
    session: { secret: SECRET },
    redis,
    resourceServers: {
      upstream: { url: `${upstreamUrl}/v1` },
    },
  };
}

/** What the answers of `GET /me` hold, whoever gives them. */
export function person({ sub, name, email }) {
  return { sub, name, email };
}
