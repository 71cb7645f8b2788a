/** A resource server that records what reaches it and answers what it is told. */
import type {
  IncomingHttpHeaders,
  IncomingMessage,
  ServerResponse,
} from "node:http";

import { listening } from "./listening.js";

/** A request as it arrived. */
export interface RecordedRequest {
  readonly method: string;
  /** The request target, unparsed. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The server with its record. */
export interface RecordingServer {
  /** Its origin. */
  readonly url: string;
  readonly close: () => Promise<void>;
  readonly requests: RecordedRequest[];
  /** Targets of all requests that have begun to arrive. */
  readonly begun: string[];
  /** Called when a request begins to arrive; it may answer. */
  arriving: ((req: IncomingMessage, res: ServerResponse) => void) | undefined;
  /** Answers instead of `200 {}`, when the request has arrived. */
  answer: ((req: IncomingMessage, res: ServerResponse) => void) | undefined;
}

/** Starts one; close it in the end. */
export async function recordingServer(port?: number): Promise<RecordingServer> {
  const server = await listening(port);
  const recording: RecordingServer = {
    url: server.url,
    close: server.close,
    requests: [],
    begun: [],
    arriving: undefined,
    answer: undefined,
  };
  server.serve((req, res) => {
    recording.begun.push(req.url ?? "");
    recording.arriving?.(req, res);
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      recording.requests.push({
        method: req.method ?? "",
        target: req.url ?? "",
        headers: req.headers,
        body: Buffer.concat(chunks).toString(),
      });
      if (res.writableEnded) return;
      if (recording.answer) recording.answer(req, res);
      else res.setHeader("Content-Type", "application/json").end("{}");
    });
  });
  return recording;
}
