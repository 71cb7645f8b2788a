/** A resource server that reads requests byte by byte, as strictly as RFC 9112 allows, and forgives nothing. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A request as its bytes say. Each byte is one character. */
export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The server with its record. */
export interface StrictResourceServer {
  readonly url: string;
  readonly requests: StrictRequest[];
  /** What arrived and is no request. */
  readonly faults: string[];
  /** How many connections there were. */
  readonly connections: () => number;
  /** Writes the answer; default: the token and the target. */
  answer: (request: StrictRequest, socket: Socket) => void;
  readonly close: () => void;
}

/** Starts one; close it in the end. */
export async function strictResourceServer(): Promise<StrictResourceServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    let rest = "";
    socket.on("data", (bytes) => {
      rest += bytes.toString("latin1");
      for (;;) {
        const read = requestIn(rest);
        if (read === undefined) return;
        if (typeof read === "string") {
          strict.faults.push(
            `${read} in ${JSON.stringify(rest.slice(0, 400))}`,
          );
          socket.destroy();
          return;
        }
        rest = rest.slice(read.end);
        strict.requests.push(read.request);
        strict.answer(read.request, socket);
      }
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const strict: StrictResourceServer = {
    url: `http://127.0.0.1:${String(port)}`,
    requests: [],
    faults: [],
    connections: () => connections,
    answer: echo,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return strict;
}

/** Answers with the token and the target. */
export function echo(
  { method, target, headers }: StrictRequest,
  socket: Socket,
): void {
  const body = `${String(headers.get("authorization"))} ${target}`;
  socket.write(
    `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${String(body.length)}\r\n\r\n${method === "HEAD" ? "" : body}`,
  );
}

const LINE = /^(?<method>[A-Z]+) (?<target>\/[!-~]*) HTTP\/1\.1$/;
const FIELD =
  /^(?<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+): (?<value>[\t\x20-\x7e\x80-\xff]*)$/;

/** The first request; what is wrong with it; undefined where it has not come to its end. */
function requestIn(
  text: string,
): { request: StrictRequest; end: number } | string | undefined {
  if (text !== "" && !/^[A-Z]/.test(text)) return "no request";
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [line = "", ...fields] = text.slice(0, headEnd).split("\r\n");
  const { method, target } = LINE.exec(line)?.groups ?? {};
  if (method === undefined || target === undefined) return "no request line";
  const headers = new Map<string, string>();
  for (const field of fields) {
    const { name, value } = FIELD.exec(field)?.groups ?? {};
    if (name === undefined || value === undefined) return "no field";
    if (headers.has(name.toLowerCase())) return "a field that comes twice";
    headers.set(name.toLowerCase(), value);
  }
  if (!headers.has("host")) return "no host";
  const body = bodyIn(text, headEnd + 4, headers);
  if (body === undefined || typeof body === "string") return body;
  return {
    request: { method, target, headers, body: body.text },
    end: body.end,
  };
}

type Body = { text: string; end: number } | string | undefined;

function bodyIn(
  text: string,
  start: number,
  headers: ReadonlyMap<string, string>,
): Body {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== undefined && length !== undefined) return "two framings";
  if (coding !== undefined) {
    return coding === "chunked" ? chunksIn(text, start) : "an unknown coding";
  }
  if (length === undefined) return { text: "", end: start };
  if (!/^(?:0|[1-9]\d*)$/.test(length)) return "no length";
  const end = start + Number(length);
  if (end > text.length) return undefined;
  return { text: text.slice(start, end), end };
}

function chunksIn(text: string, start: number): Body {
  const pieces: string[] = [];
  let at = start;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = text.slice(at, lineEnd);
    if (!/^[0-9a-f]+$/.test(size)) return "no chunk";
    at = lineEnd + 2;
    const end = at + parseInt(size, 16);
    if (text.length < end + 2) return undefined;
    if (text.slice(end, end + 2) !== "\r\n") return "a chunk without an end";
    if (end === at) return { text: pieces.join(""), end: end + 2 };
    pieces.push(text.slice(at, end));
    at = end + 2;
  }
}
