/** Keeps a number of connections busy with GET requests. */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { URL } from "node:url";

const HEAD_END = "\r\n\r\n";

// What Chromium sends with a fetch.
const HEADERS = [
  "Host: shop.example",
  "Connection: keep-alive",
  "Accept: */*",
  "Accept-Language: en-US,en;q=0.9",
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: cors",
  "Sec-Fetch-Dest: empty",
  "Referer: https://shop.example/",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
];

/**
 * Creates a load: a function that asks for so many milliseconds, or so many
 * times where that comes first, each connection as soon as it has its answer,
 * with one cookie after the other.
 *
 * As little as possible happens here for a request: on few CPUs it is taken
 * from the servers. So answers need a Content-Length, and have this status.
 *
 * @param cookies undefined: nobody is signed in
 * @param headers further lines
 */
export function createLoad({
  url,
  path,
  cookies,
  connections,
  status = 200,
  headers = [],
}) {
  const { hostname, port } = new URL(url);
  const head = [`GET ${path} HTTP/1.1`, ...HEADERS, ...headers];
  const heads =
    cookies === undefined
      ? [head]
      : cookies.map((cookie) => [...head, `Cookie: ${cookie}`]);
  const requests = heads.map((lines) =>
    Buffer.from(lines.join("\r\n") + HEAD_END),
  );
  let next = 0;
  return async function load(duration, most = Infinity) {
    const begin = performance.now();
    const end = begin + duration;
    let left = most;
    const nextRequest = () =>
      performance.now() < end && left-- > 0
        ? requests[next++ % requests.length]
        : undefined;
    const done = await Promise.all(
      Array.from({ length: connections }, () =>
        ask({ host: hostname, port: Number(port) }, nextRequest, status),
      ),
    );
    const sum = (name) => done.reduce((total, one) => total + one[name], 0);
    return {
      requests: sum("requests"),
      bytes: sum("bytes"),
      milliseconds: performance.now() - begin,
    };
  };
}

/** One connection, until there is nothing more to ask. */
function ask(address, nextRequest, status) {
  return new Promise((resolve, reject) => {
    const counts = { requests: 0, bytes: 0 };
    const socket = connect({ ...address, noDelay: true });
    /** Bytes of the answer that are still to come; undefined: its head, too. */
    let missing;
    let beginning = Buffer.alloc(0);
    const send = () => {
      const request = nextRequest();
      if (request === undefined) {
        socket.destroy();
        resolve(counts);
      } else socket.write(request);
    };
    socket.once("connect", send);
    socket.once("error", reject);
    socket.once("end", () => {
      reject(new Error("the server closed the connection"));
    });
    socket.on("data", (chunk) => {
      if (missing === undefined) {
        const start =
          beginning.length === 0 ? chunk : Buffer.concat([beginning, chunk]);
        const headEnd = start.indexOf(HEAD_END);
        if (headEnd === -1) {
          beginning = start;
          return;
        }
        beginning = beginning.subarray(0, 0);
        const head = start.latin1Slice(0, headEnd);
        const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
        if (!head.startsWith(`HTTP/1.1 ${status} `) || length === undefined) {
          socket.destroy();
          reject(new Error(`not an answer that counts:\n${head}`));
          return;
        }
        counts.bytes += Number(length);
        missing = headEnd + HEAD_END.length + Number(length) - start.length;
      } else missing -= chunk.length;
      if (missing > 0) return;
      missing = undefined;
      counts.requests += 1;
      send();
    });
  });
}
