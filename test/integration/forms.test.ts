/** Forms that are posted to the kit: in which shape they are read, how much of them, and for how long. */
import { gzipSync } from "node:zlib";

import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { rawExchange } from "../support/raw-exchange.js";

const FORM = "application/x-www-form-urlencoded";

let w: LyingWorld;
beforeAll(async () => {
  w = await lyingWorld({ kit: { responseMode: "form_post" } });
});
afterAll(() => w.close());

describe.each([
  {
    path: "/callback",
    form: () => "code=c&state=s",
    status: 303,
    code: "ERR_CALLBACK_MALFORMED",
  },
  {
    path: "/initiate-login",
    form: () => new URLSearchParams({ iss: w.provider.issuer }).toString(),
    status: 303,
    code: "ERR_LOGIN_PARAMETER_INVALID",
  },
  {
    path: "/backchannel-logout",
    form: () => `logout_token=${w.provider.logoutToken({ sub: "alice" })}`,
    status: 200,
    code: "ERR_LOGOUT_TOKEN_INVALID",
  },
])("POST $path", ({ path, form, status, code }) => {
  let body: string;
  beforeEach(() => {
    body = form();
  });

  const post = (
    bytes: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string>,
  ): Promise<Response> =>
    fetch(w.url + path, {
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": FORM, ...headers },
      body: bytes,
    });

  test.each(["", "; charset=UTF-8", '; charset="utf-8"', "; a=b;charset=utf8"])(
    "ASVS 4.1.1: a form with the type's parameters %j is read",
    async (parameters) => {
      const answer = await post(body, { "Content-Type": FORM + parameters });
      expect(answer.status).toBe(status);
    },
  );

  test.each(["utf-16le", "koi8-r", "iso-8859-1", "utf-7", "unheard-of", ""])(
    "ASVS 4.1.1: a form that says it is in %j is refused",
    async (charset) => {
      const type = `${FORM}; charset=${charset}`;
      await expectRefused(await post(body, { "Content-Type": type }));
    },
  );

  test("ASVS 4.1.1: a form with bytes that are no UTF-8 is refused", async () => {
    await expectRefused(
      await post(Buffer.from(`${body}&x=\xff\xfe`, "latin1"), {}),
    );
  });

  test.each(["gzip", "x-gzip", "deflate", "br", "gzip, gzip", "unheard-of"])(
    "ASVS 5.2.3: a form that is compressed (%s) is refused",
    async (encoding) => {
      await expectRefused(
        await post(gzipSync(body), { "Content-Encoding": encoding }),
      );
    },
  );

  test("ASVS 5.2.3: a form of 10 MB that is compressed to 10 KB is refused", async () => {
    const bomb = gzipSync(`${body}&x=${"x".repeat(10_000_000)}`);
    expect(bomb.length).toBeLessThan(16 * 1024);
    await expectRefused(await post(bomb, { "Content-Encoding": "gzip" }));
  });

  test.each([17_000, 1_000_000])(
    "ASVS 4.3: a form of %d bytes is refused, and the connection serves the next request",
    async (length) => {
      const long = `${body}&x=${"x".repeat(length - body.length - 3)}`;
      const { text } = await rawExchange(
        w.url,
        `${requestHead(path, `Content-Length: ${String(length)}`)}${long}GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      // The first answer's body does not end its line.
      expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([
        "HTTP/1.1 400",
        "HTTP/1.1 200",
      ]);
    },
  );

  test("ASVS 4.1.1: multipart/form-data is no form", async () => {
    const parts = new FormData();
    for (const [name, value] of new URLSearchParams(body)) {
      parts.append(name, value);
    }
    const answer = await fetch(w.url + path, {
      method: "POST",
      redirect: "manual",
      body: parts,
    });
    await expectRefused(answer);
  });

  test("a form whose sender leaves in its middle does no harm", async () => {
    const client = new AbortController();
    const failed = fetch(w.url + path, {
      method: "POST",
      headers: { "Content-Type": FORM },
      body: new ReadableStream({
        start(stream) {
          stream.enqueue(Buffer.from(body));
          setImmediate(() => {
            client.abort();
          });
        },
      }),
      duplex: "half",
      signal: client.signal,
    });
    await expect(failed).rejects.toThrow();
    expect((await post(body, {})).status).not.toBe(500);
  });

  async function expectRefused(answer: Response): Promise<void> {
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(code);
  }
});

describe("ASVS 15.1.3, 16.5.3: a form that does not arrive within ten seconds", () => {
  const paths = ["/callback", "/initiate-login", "/backchannel-logout"];
  const halves = [
    { framing: "Content-Length: 1000", half: "code=c" },
    { framing: "Transfer-Encoding: chunked", half: "6\r\ncode=c\r\n" },
    // All that is kept has arrived; the rest would be thrown away for ever.
    { framing: "Content-Length: 90000", half: "x".repeat(50_000) },
  ];

  // Side by side with all others: it begins with the first of them.
  test.concurrent("is answered 408, and its connection is closed", async () => {
    const answers = await Promise.all(
      paths.flatMap((path) =>
        halves.map(({ framing, half }) =>
          // It rejects where the server does not close.
          rawExchange(w.url, requestHead(path, framing) + half, 60_000),
        ),
      ),
    );
    for (const { statuses, text } of answers) {
      expect(statuses).toEqual([408]);
      expect(text).toMatch(/^Connection: close\r$/im);
      expect(text).toContain("ERR_REQUEST_TIMEOUT");
    }
  });
});

function requestHead(path: string, framing: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FORM}\r\n${framing}\r\n\r\n`;
}
