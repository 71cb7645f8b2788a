/** An HTTP proxy between two parties that writes down every message that it sees. */
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** One message, as it came by. */
export interface SeenMessage {
  readonly is: "request" | "response";
  readonly method: string;
  readonly url: URL;
  readonly status?: number;
}

/** A proxy that runs. */
export interface RecordingProxy {
  readonly url: string;
  readonly close: () => void;
}

/**
 * Starts it on loopback; close it in the end.
 *
 * @param seen is told of each message, in order
 * @param target where requests go that name no host. Default: nowhere
 */
export async function recordingProxy(
  seen: (message: SeenMessage) => void,
  target?: string,
): Promise<RecordingProxy> {
  const server = createServer((req, res) => {
    pass(req, res, new URL(req.url ?? "/", target), seen);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function pass(
  req: IncomingMessage,
  res: ServerResponse,
  url: URL,
  seen: (message: SeenMessage) => void,
): void {
  const { method = "GET", headers } = req;
  seen({ is: "request", method, url });
  const onward = httpRequest(
    url,
    { method, headers: { ...headers, host: headers.host ?? url.host } },
    (answer) => {
      const { statusCode: status = 0, headers: answered } = answer;
      seen({ is: "response", method, url, status });
      res.writeHead(status, answered);
      answer.pipe(res);
    },
  );
  onward.on("error", () => res.destroy());
  res.on("close", () => onward.destroy());
  req.pipe(onward);
}
