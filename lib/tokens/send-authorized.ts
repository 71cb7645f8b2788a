/** Puts a login's access token on requests to resource servers: the only place that does. */
import type { IncomingHttpHeaders } from "node:http";
import type { ResourceServer } from "../config/config.js";
import type { LiveLogin } from "../logins/current-login.js";
import {
  challengeOf,
  isRejection,
  refusesToken,
} from "../resource/challenge.js";
import type { IssuedToken } from "../stores/login-store.js";
import type { AccessTokenFor } from "./access-token-for.js";

/** Headers that authorize one request, by name in small letters. */
export type Authorization = Readonly<Record<string, string>>;

/** A request to a resource server that wants a token. */
export interface AuthorizedRequest<Answer> {
  readonly method: string;
  readonly url: URL;
  /** Sends it with these headers added; resolves when the answer begins. */
  readonly send: (authorization: Authorization) => Promise<Answer>;
  /**
   * What follows a refused token. A request is repeated where it is the same
   * when it is sent again; what is streamed is gone then, but the next request
   * finds a renewed token.
   */
  readonly whenRefused: "repeat" | "renew" | "nothing";
  readonly headOf: (answer: Answer) => {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
  };
  /** Gives an answer up that nobody gets. */
  readonly drop: (answer: Answer) => unknown;
}

/**
 * Sends a request with the token, and once more with another one where the
 * first is refused (RFC 6750 3.1). Where there is no other token, or the
 * request cannot be repeated, the refusal is the answer.
 *
 * Rejects with what `send` and `accessTokenFor` reject with.
 */
export type SendAuthorized = <Answer>(
  request: AuthorizedRequest<Answer>,
) => Promise<Answer>;

/**
 * Resolves when there is a token for a server. Apart from sending, because the
 * time that takes is not the resource server's.
 */
export type AuthorizedFor = (
  login: LiveLogin,
  server: ResourceServer,
) => Promise<SendAuthorized>;

/** Creates the function. */
export function createAuthorizedFor(
  accessTokenFor: AccessTokenFor,
): AuthorizedFor {
  return async function authorizedFor(login, { name }) {
    const token = await accessTokenFor(login, name);
    return (request) =>
      sendAuthorized(request, token, () =>
        accessTokenFor(login, name, token.value.reveal()),
      );
  };
}

async function sendAuthorized<Answer>(
  request: AuthorizedRequest<Answer>,
  token: IssuedToken,
  anotherToken: () => Promise<IssuedToken>,
): Promise<Answer> {
  const { send, whenRefused, headOf, drop } = request;
  const answer = await send(authorizationBy(token));
  const { status, headers } = headOf(answer);
  if (
    whenRefused === "nothing" ||
    !refusesToken(status, challengeOf(status, headers))
  ) {
    return answer;
  }
  let another: IssuedToken;
  try {
    another = await anotherToken();
  } catch (error) {
    if (isRejection(error)) return answer;
    await drop(answer);
    throw error;
  }
  if (whenRefused === "renew") return answer;
  await drop(answer);
  return send(authorizationBy(another));
}

function authorizationBy({ type, value }: IssuedToken): Authorization {
  return { authorization: `${type} ${value.reveal()}` };
}
