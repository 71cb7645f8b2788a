/** Real requests, as Express hands them to a handler, for functions that judge a request. */
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";

import express, { type Request } from "express";

/** A server that shows requests to a function. */
export interface RequestProbe {
  /** Sends one request and gives what the function made of it. */
  ask(request: ProbeRequest): Promise<unknown>;
  close(): Promise<void>;
}

/** One request. */
export interface ProbeRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Starts a server whose answers are the function's results. */
export async function startRequestProbe(
  judge: (req: Request) => unknown,
): Promise<RequestProbe> {
  const app = express();
  app.use((req, res) => {
    res.json({ result: judge(req) });
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    // Not fetch: it adds Accept and Sec-Fetch-Mode of its own.
    ask: ({ method = "GET", headers = {} }) =>
      new Promise((resolve, reject) => {
        httpRequest(
          { host: "127.0.0.1", port, method, headers, agent: false },
          (res) => {
            let body = "";
            res.setEncoding("utf8");
            res.on("data", (chunk: string) => (body += chunk));
            res.on("end", () => {
              resolve((JSON.parse(body) as { result: unknown }).result);
            });
          },
        )
          .on("error", reject)
          .end();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  };
}
