/** What is wrong with an answer, whatever was asked. */
import { failureTexts, type LoginKitErrorCode } from "../../lib/index.js";
import type { WireAnswer } from "../support/pipelined.js";

/** What the judge has to know of the request. */
export interface Asked {
  /** Stood in every value, behind each of the characters that markup is made of. */
  readonly token: string;
  /** Where redirects may lead. */
  readonly origins: readonly string[];
  /** Codes with a status of 500 or more that are right here. */
  readonly excused?: readonly string[];
  readonly isHead?: boolean;
}

const TYPES: Readonly<Record<string, RegExp>> = {
  // A page of the kit, or what Express says of a redirect.
  "text/html; charset=utf-8":
    /^(?:<!doctype html>\n<html lang="en">\n[^]*<\/html>\n|<!DOCTYPE html><head><title>See Other<\/title><\/head><body><p>See Other\. Redirecting to [^]*<\/p><\/body>)$/,
  "application/json; charset=utf-8": /^\{[^]*\}$/,
  "application/problem+json; charset=utf-8": /^\{[^]*\}$/,
  "text/plain; charset=utf-8":
    /^(?:See Other\. Redirecting to \S*|not found|not readable)$/,
  "text/event-stream": /^: the login lives\n\n/,
};

const COOKIES = /^(?:session|session-login-[\w-]+|session-sign-in-attempts)$/;

/** What Node answers by itself to what is no request. */
const NODES = [400, 408, 413, 417, 431];

/** The characters that the token stands behind: what markup is made of. */
export function mark(token: string): string {
  return `<${token}"${token}'${token}&${token}`;
}

/** Everything that is wrong; empty, if nothing is. */
export function problemsOf(answer: WireAnswer, asked: Asked): string[] {
  return [
    ...headProblems(answer, asked),
    ...(asked.isHead === true ? [] : bodyProblems(answer, asked)),
    ...failureProblems(answer, asked),
  ];
}

function headProblems({ status, headers }: WireAnswer, asked: Asked): string[] {
  const { token, origins } = asked;
  const problems: string[] = [];
  for (const [name, value] of headers) {
    if (!/^[a-z-]+$/.test(name)) problems.push(`the header ${name}`);
    // eslint-disable-next-line no-control-regex
    if (/[\x00-\x1f\x7f-\xff]/.test(value)) problems.push(`bytes in ${name}`);
    if (name.includes("injected") || name.includes(token)) {
      problems.push(`the header ${name} was put in`);
    }
    if (value.includes(`<${token}`) || value.includes(`"${token}`)) {
      problems.push(`${name} repeats markup`);
    }
    const cookie =
      name === "set-cookie" ? /^[^=]*/.exec(value)?.[0] : undefined;
    if (cookie !== undefined && !COOKIES.test(cookie)) {
      problems.push(`the cookie ${cookie}`);
    }
  }
  const location = headers.find(([name]) => name === "location")?.[1];
  const redirects = status >= 300 && status < 400 && status !== 304;
  if (redirects !== (location !== undefined)) {
    problems.push(`status ${String(status)} with Location ${String(location)}`);
  }
  const refresh = headers.find(([name]) => name === "refresh")?.[1];
  for (const target of [location, refresh?.replace(/^0; url=/, "")]) {
    if (target !== undefined && !leadsTo(target, origins)) {
      problems.push(`leads to ${target}`);
    }
  }
  return problems;
}

function leadsTo(location: string, origins: readonly string[]): boolean {
  const page = `${origins[0] ?? ""}/callback`;
  return (
    URL.canParse(location, page) &&
    origins.includes(new URL(location, page).origin)
  );
}

function bodyProblems(
  { headers, body }: WireAnswer,
  { token }: Asked,
): string[] {
  const all = new Map(headers);
  const type = all.get("content-type");
  if (body === "") return [];
  const shape = TYPES[type ?? ""];
  if (shape === undefined) return [`the content type ${String(type)}`];
  if (!shape.test(body)) return [`a body that is no ${String(type)}`];
  const problems: string[] = [];
  if (type?.includes("html") === true) {
    for (const before of "<\"'&") {
      if (body.includes(before + token)) problems.push(`raw ${before} in HTML`);
    }
  }
  if (type?.includes("json") === true && !isJson(body)) {
    problems.push("JSON that is none");
  }
  const isOfKit = body.startsWith("<!doctype") || type?.includes("problem");
  if (isOfKit === true && all.get("x-content-type-options") !== "nosniff") {
    problems.push("no nosniff");
  }
  return problems;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function failureProblems(answer: WireAnswer, asked: Asked): string[] {
  const { status, body } = answer;
  if (status < 400) return [];
  const code = codeOf(answer);
  if (code === undefined) {
    const isNodes = NODES.includes(status) && body === "";
    const isFixtures =
      (status === 404 && body === "not found") ||
      (status === 400 && body === "not readable");
    const isHead = asked.isHead === true && status < 500;
    return isNodes || isFixtures || isHead
      ? []
      : [`status ${String(status)} without a code`];
  }
  if (!isKnown(code)) return [`the code ${code}`];
  if (failureTexts[code].status !== status) {
    return [`${code} with status ${String(status)}`];
  }
  return status < 500 || asked.excused?.includes(code) === true
    ? []
    : [`${code}, and nothing was wrong here`];
}

/** The kit's code, by page or problem+json. */
export function codeOf({ body }: WireAnswer): string | undefined {
  return (
    /^\{.*"code":"(?<code>\w*)"/s.exec(body)?.groups?.["code"] ??
    /<code>(?<code>ERR_\w*)/.exec(body)?.groups?.["code"]
  );
}

function isKnown(code: string): code is LoginKitErrorCode {
  return Object.hasOwn(failureTexts, code);
}
