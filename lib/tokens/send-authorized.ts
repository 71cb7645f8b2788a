/** Puts a login's access token on requests to resource servers: the only place that does. */
import type { TokenOwner } from "../base/calls.js";
import type { ResourceServer } from "../config/config.js";
import type { LiveLogin } from "../logins/current-login.js";
import {
  challengeOf,
  isRejection,
  refusesToken,
} from "../resource/challenge.js";
import type { IssuedToken } from "../stores/login-store.js";
import type { AccessTokenFor } from "./access-token-for.js";
import type { IssuedClientToken } from "./client-token.js";
import {
  type AnswerHead,
  type Authorization,
  type Presentation,
  type Recipient,
  type Remedy,
  withoutProof,
} from "./presentation.js";

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
  readonly headOf: (answer: Answer) => AnswerHead;
  /** Gives an answer up that nobody gets. */
  readonly drop: (answer: Answer) => unknown;
}

/**
 * Sends a request with the token, and once more with another one where the
 * first is refused (RFC 6750 3.1), or with another proof where that is (RFC 9449 9). Where there is no other token, or the
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
  owner?: TokenOwner,
) => Promise<SendAuthorized>;

/** Creates the function. */
export function createAuthorizedFor(
  accessTokenFor: AccessTokenFor,
  clientToken: IssuedClientToken,
  presentation: Presentation,
): AuthorizedFor {
  return async function authorizedFor(login, server, owner = "user") {
    if (owner === "none") return ({ send }) => send({});
    const { name } = server;
    const { provider } = login;
    const presentTo = { presentation, to: { server, provider } };
    if (owner === "client") {
      const token = await clientToken(name, { provider: provider.name });
      return async (request) =>
        (await present(request, token, presentTo)).answer;
    }
    const token = await accessTokenFor(login, name);
    return (request) =>
      sendAuthorized(request, token, presentTo, () =>
        accessTokenFor(login, name, token.value.reveal()),
      );
  };
}

/** How a token gets to a server. */
interface PresentTo {
  readonly presentation: Presentation;
  readonly to: Recipient;
}

async function sendAuthorized<Answer>(
  request: AuthorizedRequest<Answer>,
  token: IssuedToken,
  presentTo: PresentTo,
  anotherToken: () => Promise<IssuedToken>,
): Promise<Answer> {
  const { whenRefused, headOf, drop } = request;
  const { answer, remedy } = await present(request, token, presentTo);
  const { status, headers } = headOf(answer);
  if (
    whenRefused === "nothing" ||
    remedy !== undefined ||
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
  return (await present(request, another, presentTo)).answer;
}

/** An answer, and what would mend its refusal, had the request been one that can be repeated. */
interface Presented<Answer> {
  readonly answer: Answer;
  readonly remedy: Remedy | undefined;
}

/** Sends a request with one token, in another way where the server wants that: each once. */
async function present<Answer>(
  { method, url, send, whenRefused, headOf, drop }: AuthorizedRequest<Answer>,
  token: IssuedToken,
  { presentation, to }: PresentTo,
): Promise<Presented<Answer>> {
  if (token.type !== "DPoP") {
    return { answer: await send(withoutProof(token)), remedy: undefined };
  }
  const tried = new Set<Remedy>();
  for (;;) {
    const sent = await presentation.headersFor(token, to, method, url);
    const answer = await send(sent);
    const remedy = presentation.learn(sent, to, url, headOf(answer));
    if (remedy === undefined || tried.has(remedy)) {
      return { answer, remedy: undefined };
    }
    if (whenRefused !== "repeat") return { answer, remedy };
    tried.add(remedy);
    await drop(answer);
  }
}
