/** Ends a connection in a disorderly way. */
import type { Socket } from "node:net";

/**
 * Resets it; one that is being ended is only destroyed. To reset such a one,
 * too, would leave it open for good: Node 20 forgets it, and does not end then.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
