/** How far the connection of a request is. */
import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";

/** How long a connection may take to open. */
const CONNECT_TIMEOUT_MS = 5000;

/** How far a request's connection is. */
export interface Connection {
  isOpen: boolean;
  /** Bytes that had come over it before this request. */
  readBefore: number;
}

/** Watches it; `late` is called where it takes too long to open. */
export function watchConnection(
  request: ClientRequest,
  late: () => void,
): Connection {
  const connection: Connection = { isOpen: false, readBefore: 0 };
  request.once("socket", (socket) => {
    if (!isOpening(socket)) {
      connection.isOpen = true;
      connection.readBefore = socket.bytesRead;
      return;
    }
    const timer = setTimeout(late, CONNECT_TIMEOUT_MS);
    socket.once("encrypted" in socket ? "secureConnect" : "connect", () => {
      connection.isOpen = true;
      clearTimeout(timer);
    });
    request.once("close", () => {
      clearTimeout(timer);
    });
  });
  return connection;
}

/** Whether a connection is still being made. What comes through a proxy may be so without `connecting`. */
function isOpening(socket: Socket): boolean {
  const { secureConnecting } = socket as { secureConnecting?: boolean };
  return socket.connecting || secureConnecting === true;
}

/** Whether a connection that had waited broke before anything was answered. */
export function isStale(
  request: ClientRequest,
  { readBefore }: Connection,
): boolean {
  return request.reusedSocket && request.socket?.bytesRead === readBefore;
}
