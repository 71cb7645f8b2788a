/** Connects a browser's WebSocket with a resource server, with the user's token. */
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Duplex } from "node:stream";
import { checkedForwardUpgrade } from "../base/calls.js";
import type { ResourceServer } from "../config/config.js";
import type { Parts } from "../parts.js";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { challengeOf, refusalOf } from "../resource/challenge.js";
import { upgradeHeaders } from "../resource/request-headers.js";
import {
  forwardTarget,
  resourceServerNamed,
} from "../resource/resource-servers.js";
import {
  sendUpgrade,
  type IncomingUpgrade,
  type Upstream,
} from "./send-upgrade.js";
import { NobodyWaits } from "../resource/watch-forwarding.js";
import { checkedUpgradeRule, type UpgradeRule } from "../logins/auth-rule.js";
import type { LiveLogin } from "../logins/current-login.js";
import { loginUrl } from "../http/login-url.js";
import type { AuthenticateUpgrade } from "./authenticate-upgrade.js";
import { createRefuseUpgrade } from "./refuse-upgrade.js";

/** Options of a forwarded WebSocket address. */
export interface ForwardUpgradeOptions {
  /** The path whose rest, below it, is the resource server's, such as `/api/live`. */
  readonly path: string;
  /** What is asked of the login, as by `requireAuth`: `acr`, `maxAgeSeconds`, `provider`, `claims`, `roles`, `scope`. Default: any login. */
  readonly rule?: UpgradeRule;
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
type ForwardUpgradeParts = Pick<
  Parts,
  | "config"
  | "running"
  | "events"
  | "watched"
  | "liveLoginOf"
  | "authorizedFor"
  | "scopeOnDemand"
  | "telemetry"
>;

/** Sockets that a listener has answered or joined. */
const taken = new WeakSet<Duplex>();

/**
 * Creates `kit.forwardUpgrade`: guarded like every upgrade, with the token in
 * the handshake and nowhere else, and closed when the login ends.
 *
 * @throws {LoginKitError} at once: `ERR_RESOURCE_NOT_ALLOWED` for a name that is not configured, `ERR_CONFIG` for wrong options
 */
export function createForwardUpgrade(
  parts: ForwardUpgradeParts,
  authenticateUpgrade: AuthenticateUpgrade,
): (name: string, options: ForwardUpgradeOptions) => ForwardUpgrade {
  const { config, running, liveLoginOf } = parts;
  const refuseUpgrade = createRefuseUpgrade(parts);
  const mounts = new Set<string>();
  return function forwardUpgrade(
    ...given: readonly [string, ForwardUpgradeOptions]
  ) {
    const { path, rule: asked } = checkedForwardUpgrade(given);
    const rule = checkedUpgradeRule("kit.forwardUpgrade", asked);
    // The process that gets the login request may have seen no upgrade.
    parts.scopeOnDemand.name(rule.scope ?? []);
    const [name] = given;
    const server = resourceServerNamed(config, name);
    const mount = path.replace(/\/$/, "");
    mounts.add(mount);
    return async function forwardOne(req, socket, head) {
      if (!Buffer.isBuffer(head)) throw notAnUpgrade();
      const target = targetBelow(mount, req.url ?? "");
      if (target === undefined) return false;
      // The longest path below which it is, whichever listener comes first.
      const isBelow = (other: string): boolean =>
        other.length > mount.length &&
        targetBelow(other, req.url ?? "") !== undefined;
      if ([...mounts].some(isBelow)) return false;
      // One socket has one owner, also among several kits.
      if (taken.has(socket)) return false;
      taken.add(socket);
      const login = liveLoginOf(await authenticateUpgrade(req, rule));
      if (login === undefined) return true;
      try {
        refuseUnlessWebSocket(req);
        const finished = running.begin(server, login.id);
        try {
          const url = forwardTarget(server, target);
          const request = { headers: req.headers, server, url, login };
          const accepted = await whileBrowserWaits(socket, (over) =>
            connect(request, over, parts),
          );
          await join(socket, head, accepted);
        } finally {
          finished();
        }
      } catch (error) {
        if (error instanceof LoginKitError) {
          refuseUpgrade(req, error);
          return true;
        }
        socket.destroy();
        if (!(error instanceof NobodyWaits)) throw error;
      }
      return true;
    };
  };
}

/** Express has no WebSockets: as its handler this would write into an ordinary answer. */
function notAnUpgrade(): ConfigError {
  return new ConfigError(
    ['is for the server: write server.on("upgrade", kit.forwardUpgrade(...))'],
    "kit.forwardUpgrade",
  );
}

/** The rest of a request target below a mount path, by whole segments. */
function targetBelow(path: string, target: string): string | undefined {
  if (!target.startsWith(path)) return undefined;
  const rest = target.slice(path.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : undefined;
}

/**
 * A handshake is a GET without a body (RFC 6455 4.1). Of anything else a proxy
 * in front may think that more of it belongs to HTTP.
 */
function refuseUnlessWebSocket({ method, headers }: IncomingMessage): void {
  if (
    method !== "GET" ||
    headers.upgrade?.toLowerCase() !== "websocket" ||
    headers["transfer-encoding"] !== undefined ||
    Number(headers["content-length"] ?? 0) !== 0
  ) {
    throw new LoginKitError("ERR_FORWARD_REQUEST_INVALID", {
      message: "this is no request for a WebSocket",
    });
  }
}

/**
 * Runs `wait` with a signal that is aborted, with {@link NobodyWaits}, when the
 * browser closes its connection meanwhile. Only reading shows that; what comes
 * early is put back and ends the watch.
 */
async function whileBrowserWaits<T>(
  socket: Duplex,
  wait: (over: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const leave = (): void => {
    over.abort(new NobodyWaits("the browser went away"));
  };
  const read = (): void => {
    const early: unknown = socket.read();
    if (early === null) return;
    socket.off("readable", read);
    socket.unshift(early);
  };
  socket.on("close", leave).on("end", leave).on("readable", read);
  try {
    return await wait(over.signal);
  } finally {
    socket.off("close", leave).off("end", leave).off("readable", read);
  }
}

/** The resource server's consent to switch protocols. */
interface AcceptedUpgrade {
  readonly headers: IncomingMessage["headers"];
  readonly upstream: Upstream;
}

interface UpgradeRequest {
  readonly headers: IncomingMessage["headers"];
  readonly server: ResourceServer;
  readonly url: URL;
  readonly login: LiveLogin;
}

async function connect(
  { headers: received, server, url, login }: UpgradeRequest,
  over: AbortSignal,
  { config, authorizedFor, telemetry }: ForwardUpgradeParts,
): Promise<AcceptedUpgrade> {
  const passed = upgradeHeaders(received, server);
  const sendAuthorized = await authorizedFor(login, server);
  const to = { "login_kit.resource_server.name": server.name };
  const { status, headers, upstream } = await sendAuthorized({
    method: "GET",
    url,
    whenRefused: "repeat",
    send: (authorization) => {
      const sendWith = (carried = {}): Promise<IncomingUpgrade> => {
        const headers = { ...passed, ...carried, ...authorization };
        return sendUpgrade({ server, url, headers, over }, config.agent);
      };
      return telemetry === undefined
        ? sendWith()
        : telemetry.request({ method: "GET", url, to }, sendWith);
    },
    headOf: (answer) => answer,
    // A refusal is closed already.
    drop: () => undefined,
  });
  if (upstream !== undefined) return { headers, upstream };
  const challenge = challengeOf(status, headers);
  const refusal =
    challenge &&
    refusalOf(challenge, (wanted) => loginUrl(config, undefined, wanted));
  if (refusal !== undefined) throw refusal;
  throw new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
    message: `${url.origin} refused the WebSocket (${String(status)})`,
  });
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
  { headers, upstream }: AcceptedUpgrade,
): Promise<void> {
  const lines = ANSWER_HEADERS.flatMap((name) => {
    const value = headers[name];
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
