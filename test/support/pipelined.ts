/** Many requests over one connection, sent before the first answer is there, and what came back. */
import { connect } from "node:net";

/** One answer, as it came over the wire. Each byte is one character. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Status line and headers. */
  readonly head: string;
  readonly body: string;
}

/** What became of a connection. */
export interface WireAnswers {
  readonly answers: readonly WireAnswer[];
  /** What was received and is no answer. Empty, if all is well. */
  readonly rest: string;
  /** Whether the server closed it, or else nothing came any more. */
  readonly isClosed: boolean;
}

/** How to read and when to give up. */
export interface PipelineOptions {
  /** Whether the request at this place was a HEAD, whose answer has no body. Default: none was. */
  readonly isHead?: (index: number) => boolean;
  /** How long nothing may come. Milliseconds. */
  readonly silence: number;
  /** Ends the connection here as soon as anything has come. Default false. */
  readonly isLeft?: boolean;
  /** Written when so many answers have begun; what is broken would keep them from coming. */
  readonly then?: { readonly after: number; readonly text: string };
}

const BEGIN = /HTTP\/1\.1 [2-5]\d\d /g;

/** Writes the text, each character one byte, and reads what the server says until it closes. */
export function pipelined(
  origin: string,
  text: string,
  { isHead = () => false, silence, isLeft = false, then }: PipelineOptions,
): Promise<WireAnswers> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = "";
    let begun = 0;
    let isClosed = true;
    socket.setEncoding("latin1");
    socket.setNoDelay(true);
    socket.setTimeout(silence, () => {
      isClosed = false;
      socket.destroy();
    });
    socket.on("data", (chunk: string) => {
      received += chunk;
      if (isLeft) socket.destroy();
      if (then === undefined || begun >= then.after) return;
      begun = received.match(BEGIN)?.length ?? 0;
      if (begun >= then.after) socket.write(then.text, "latin1");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // A server may close while we are still writing; nobody listening is another thing.
      if (error.code === "ECONNREFUSED") reject(error);
    });
    socket.once("close", () => {
      resolve({ ...answersIn(received, isHead), isClosed });
    });
    socket.write(text, "latin1");
  });
}

/** Reads the answers of a connection; interim ones are left out. */
export function answersIn(
  text: string,
  isHead: (index: number) => boolean = () => false,
): Pick<WireAnswers, "answers" | "rest"> {
  const answers: WireAnswer[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf("\r\n\r\n", at);
    const status = /^HTTP\/1\.1 (?<status>\d{3}) /.exec(text.slice(at, at + 13))
      ?.groups?.["status"];
    if (end === -1 || status === undefined) break;
    const head = text.slice(at, end);
    const bodyAt = end + 4;
    if (status.startsWith("1")) {
      at = bodyAt;
      continue;
    }
    const headers = headersIn(head);
    const hasNone = ["204", "304"].includes(status) || isHead(answers.length);
    const body = hasNone
      ? { text: "", end: bodyAt }
      : bodyIn(text, bodyAt, new Map(headers));
    if (body === undefined) break;
    answers.push({ status: Number(status), headers, head, body: body.text });
    at = body.end;
  }
  return { answers, rest: text.slice(at) };
}

function headersIn(head: string): [string, string][] {
  return head
    .split("\r\n")
    .slice(1)
    .map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
}

/** Undefined, if it has not come to its end. */
function bodyIn(
  text: string,
  start: number,
  headers: ReadonlyMap<string, string>,
): { text: string; end: number } | undefined {
  if (headers.get("transfer-encoding") === "chunked") {
    return chunksIn(text, start);
  }
  const length = Number(headers.get("content-length") ?? NaN);
  // Without a length it goes on until the server closes.
  const end = Number.isNaN(length) ? text.length : start + length;
  if (end > text.length) return undefined;
  return { text: text.slice(start, end), end };
}

function chunksIn(
  text: string,
  start: number,
): { text: string; end: number } | undefined {
  const chunks: string[] = [];
  let at = start;
  for (;;) {
    const line = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, line), 16);
    if (line === -1 || Number.isNaN(size)) return undefined;
    const end = line + 2 + size;
    if (end + 2 > text.length) return undefined;
    if (size === 0) return { text: chunks.join(""), end: end + 2 };
    chunks.push(text.slice(line + 2, end));
    at = end + 2;
  }
}
