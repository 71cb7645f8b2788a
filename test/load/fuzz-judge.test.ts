/** The judge of the fuzz run finds what it is there to find, and lets right answers pass. */
import { describe, expect, test } from "@jest/globals";

import { answersIn } from "../support/pipelined.js";
import { mark, problemsOf } from "./fuzz-judge.js";

const TOKEN = "zq1qz";
const APP = "http://127.0.0.1:3000";
const OP = "http://127.0.0.1:4000";

const PAGE = "text/html; charset=utf-8";
const PROBLEM = "application/problem+json; charset=utf-8";

const page = (content: string): string =>
  `<!doctype html>\n<html lang="en">\n${content}\n</html>\n`;
const errorPage = page("<p><code>ERR_CALLBACK_MALFORMED</code></p>");
const problem = (code: string): string => JSON.stringify({ code });

function wire(
  status: number,
  headers: Readonly<Record<string, string>>,
  body = "",
): string {
  const lines = Object.entries({
    "X-Content-Type-Options": "nosniff",
    ...headers,
    "Content-Length": String(body.length),
  }).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${String(status)} Any\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}

function judged(text: string, options: { excused?: string[] } = {}): string[] {
  const { answers, rest } = answersIn(text);
  expect(rest).toBe("");
  expect(answers).toHaveLength(1);
  const asked = { token: TOKEN, origins: [APP, OP], ...options };
  return answers.flatMap((answer) => problemsOf(answer, asked));
}

describe("nothing is wrong with", () => {
  test.each([
    ["a page", wire(200, { "Content-Type": PAGE }, page("<p>Hello</p>"))],
    ["an error page", wire(400, { "Content-Type": PAGE }, errorPage)],
    [
      "escaped markup",
      wire(
        200,
        { "Content-Type": PAGE },
        page(`&lt;${TOKEN}&quot;${TOKEN}&#39;${TOKEN}&amp;${TOKEN}`),
      ),
    ],
    [
      "problem+json",
      wire(401, { "Content-Type": PROBLEM }, problem("ERR_LOGIN_REQUIRED")),
    ],
    ["a redirect", wire(303, { Location: "/orders?x='zq1qz" })],
    [
      "a redirect to the provider",
      wire(303, { Location: `${OP}/authorize?x=%3Czq1qz` }),
    ],
    [
      "an answer of Node",
      "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    ],
    ["no content", wire(204, {})],
  ])("%s", (_what, text) => {
    expect(judged(text)).toEqual([]);
  });

  test("a failure of the provider that the request has asked for", () => {
    const text = wire(
      502,
      { "Content-Type": PROBLEM },
      problem("ERR_TOKEN_REQUEST_REJECTED"),
    );
    expect(judged(text)).not.toEqual([]);
    const excused = ["ERR_TOKEN_REQUEST_REJECTED"];
    expect(judged(text, { excused })).toEqual([]);
  });
});

describe("something is wrong with", () => {
  test.each([
    ...["<", '"', "'", "&"].map((before): [string, string] => [
      `a page that repeats ${before}`,
      wire(200, { "Content-Type": PAGE }, page(before + TOKEN)),
    ]),
    [
      "a page that repeats everything",
      wire(200, { "Content-Type": PAGE }, page(mark(TOKEN))),
    ],
    [
      "an error page without a code",
      wire(400, { "Content-Type": PAGE }, page("sorry")),
    ],
    [
      "a page that is cut off",
      wire(200, { "Content-Type": PAGE }, "<!doctype html>"),
    ],
    [
      "a page of Express",
      wire(500, { "Content-Type": PAGE }, "<pre>Error<br> at /lib/x.js</pre>"),
    ],
    ["a failure without a code", wire(500, {}, "")],
    [
      "a failure with an unknown code",
      wire(400, { "Content-Type": PROBLEM }, problem("ERR_ANY")),
    ],
    [
      "a code with another status",
      wire(400, { "Content-Type": PROBLEM }, problem("ERR_LOGIN_REQUIRED")),
    ],
    [
      "503 without a reason",
      wire(503, { "Content-Type": PROBLEM }, problem("ERR_STORE_UNAVAILABLE")),
    ],
    [
      "JSON that is none",
      wire(
        200,
        { "Content-Type": "application/json; charset=utf-8" },
        `{"a":"${mark(TOKEN)}"}`,
      ),
    ],
    ["another content type", wire(200, { "Content-Type": "text/xml" }, "<a/>")],
    ["no content type", wire(200, {}, "a")],
    [
      "no nosniff",
      wire(
        400,
        { "Content-Type": PAGE, "X-Content-Type-Options": "x" },
        errorPage,
      ),
    ],
    [
      "a header that was put in",
      wire(303, { Location: "/", "X-Injected": "1" }),
    ],
    [
      "a header with the token for its name",
      wire(303, { Location: "/", [`X-${TOKEN}`]: "1" }),
    ],
    ["a header that repeats markup", wire(303, { Location: `/?<${TOKEN}` })],
    ["a header that repeats a quote", wire(204, { "X-A": `"${TOKEN}"` })],
    ["a header with a line feed", wire(204, { "X-A": "a\nSet-Cookie: b=c" })],
    ["a header with bytes", wire(204, { "X-A": "\xff" })],
    ["a foreign cookie", wire(204, { "Set-Cookie": "injected=1" })],
    ["a redirect to elsewhere", wire(303, { Location: "//evil.example" })],
    [
      "a redirect that browsers read otherwise",
      wire(303, { Location: "/\\evil.example" }),
    ],
    ["a redirect to nowhere", wire(303, {})],
    [
      "a page that goes on to elsewhere",
      wire(200, { Refresh: "0; url=https://evil.example/" }),
    ],
    ["an address without a redirect", wire(200, { Location: "/" })],
  ])("%s", (_what, text) => {
    expect(judged(text)).not.toEqual([]);
  });
});

describe("what comes over a connection", () => {
  const ok = wire(200, { "Content-Type": PAGE }, page("one"));

  test("is read answer by answer; interim ones do not count", () => {
    const { answers, rest } = answersIn(
      `${ok}HTTP/1.1 100 Continue\r\n\r\n${wire(204, {})}${wire(404, {}, "no")}`,
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 204, 404]);
    expect(answers.map(({ body }) => body)).toEqual([page("one"), "", "no"]);
    expect(rest).toBe("");
  });

  test("is read by chunks, and without a body after HEAD", () => {
    const chunks =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
    const { answers, rest } = answersIn(
      chunks + head + ok,
      (index) => index === 1,
    );
    expect(answers.map(({ body }) => body)).toEqual(["abcde", "", page("one")]);
    expect(rest).toBe("");
  });

  test.each([
    ["is cut off", ok.slice(0, -1)],
    ["is no answer", "hello"],
    ["ends within the headers", "HTTP/1.1 200 OK\r\nX: y\r\n"],
  ])("is left over where it %s", (_how, text) => {
    const { answers, rest } = answersIn(ok + text);
    expect(answers).toHaveLength(1);
    expect(rest).toBe(text);
  });
});
