/** Connects a browser's WebSocket with a resource server, with the user's token. */
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Duplex } from "node:stream";
import type { Config, ResourceServer } from "../config.js";
import { LoginKitError } from "../errors.js";
import { refusalOf } from "../resource/challenge.js";
import {
  upgradeHeaders,
  type PassedHeaders,
} from "../resource/request-headers.js";
import {
  forwardTarget,
  resourceServerNamed,
} from "../resource/resource-servers.js";
import type { Running } from "../resource/running.js";
import { sendUpgrade, type IncomingUpgrade } from "../resource/send-upgrade.js";
import type { Login } from "../session/current-login.js";
import { loginUrl } from "../session/login-url.js";
import type { RefuseUpgrade } from "../session/refuse-upgrade.js";

/** Options of a forwarded WebSocket address. */
export interface ForwardUpgradeOptions {
  /** The path whose rest, below it, is the resource server's, such as `/api/live`. */
  readonly path: string;
}

/**
 * A listener for the server's `upgrade` event. Resolves with whether the
 * request was for its path; other requests it leaves alone.
 */
export type ForwardUpgrade = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
) => Promise<boolean>;

/** What `forwardUpgrade` works with. */
export interface ForwardUpgradeDeps {
  readonly config: Config;
  readonly running: Running;
  readonly authenticateUpgrade: (
    req: IncomingMessage,
  ) => Promise<Login | undefined>;
  readonly refuseUpgrade: RefuseUpgrade;
}

/**
 * Creates `kit.forwardUpgrade`: guarded like every upgrade, with the token in
 * the handshake and nowhere else, and closed when the login ends.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED` at once for a name that is not configured
 */
export function createForwardUpgrade(
  deps: ForwardUpgradeDeps,
): (name: string, options: ForwardUpgradeOptions) => ForwardUpgrade {
  const { config, running, authenticateUpgrade, refuseUpgrade } = deps;
  return function forwardUpgrade(name, { path }) {
    const server = resourceServerNamed(config, name);
    const mount = path.replace(/\/$/, "");
    return async function forwardOne(req, socket, head) {
      const target = targetBelow(mount, req.url ?? "");
      if (target === undefined) return false;
      const login = await authenticateUpgrade(req);
      if (login === undefined) return true;
      try {
        const finished = running.begin(server, login.id);
        try {
          const url = forwardTarget(server, target);
          const upstream = await connect(req, server, url, login, config);
          await join(socket, head, upstream);
        } finally {
          finished();
        }
      } catch (error) {
        if (!(error instanceof LoginKitError)) {
          socket.destroy();
          throw error;
        }
        refuseUpgrade(req, error);
      }
      return true;
    };
  };
}

/** The rest of a request target below a mount path, by whole segments. */
function targetBelow(path: string, target: string): string | undefined {
  if (!target.startsWith(path)) return undefined;
  const rest = target.slice(path.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : undefined;
}

type Upstream = Extract<IncomingUpgrade, { socket: Duplex }>;

async function connect(
  req: IncomingMessage,
  server: ResourceServer,
  url: URL,
  login: Login,
  config: Config,
): Promise<Upstream> {
  const headers = upgradeHeaders(req.headers, server);
  const token = await login.accessToken(server.name);
  let answer = await sendUpgrade(withToken(headers, token, server, url));
  if ("refused" in answer && answer.challenge?.error === "invalid_token") {
    const another = await login.accessToken(server.name, { rejected: token });
    answer = await sendUpgrade(withToken(headers, another, server, url));
  }
  if (!("refused" in answer)) return answer;
  const refusal =
    answer.challenge &&
    refusalOf(answer.challenge, (wanted) =>
      loginUrl(config, undefined, wanted),
    );
  if (refusal !== undefined) throw refusal;
  throw new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
    message: `${url.origin} refused the WebSocket (${String(answer.refused)})`,
  });
}

function withToken(
  headers: PassedHeaders,
  token: string,
  server: ResourceServer,
  url: URL,
): Parameters<typeof sendUpgrade>[0] {
  return {
    server,
    url,
    headers: { ...headers, authorization: `Bearer ${token}` },
  };
}

/** What of the server's answer the browser needs (RFC 6455 4.2.2). */
const ANSWER_HEADERS = [
  "sec-websocket-accept",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
];

/** Answers the browser, then passes everything on in both directions until one side closes. */
async function join(
  socket: Duplex,
  head: Buffer,
  upstream: Upstream,
): Promise<void> {
  const lines = ANSWER_HEADERS.flatMap((name) => {
    const value = upstream.headers[name];
    return typeof value === "string" ? [`${name}: ${value}`] : [];
  });
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines.join("\r\n")}\r\n\r\n`,
  );
  if (upstream.head.length > 0) socket.write(upstream.head);
  if (head.length > 0) upstream.socket.write(head);
  // However it ends, both are closed; a broken connection is nobody's failure here.
  await Promise.allSettled([
    pipeline(socket, upstream.socket),
    pipeline(upstream.socket, socket),
  ]);
}
