/** Arrows of what passes between browser, application, provider and resource server. */
import type { IncomingMessage } from "node:http";
import { resolvedUrl } from "../base/parse-url.js";
import { MESSAGES, type MessageName } from "../telling/messages.js";
import type { SentAnswer, SentRequest } from "../telling/witness.js";
import type { Fields } from "./fields.js";
import { scrubbed } from "./hide.js";
import type { NewArrow } from "./run.js";

/** What a relative address is resolved against; it is not shown. */
const HERE = "http://application.invalid";

/** A request to the application. */
export function requestArrow(
  { method = "GET", headers }: Pick<IncomingMessage, "method" | "headers">,
  url: URL,
  message: MessageName,
  { ofHeaders, ofParameters, address }: Fields,
): NewArrow {
  const { from, to } = MESSAGES[message];
  return {
    ...{ message, direction: "request", from, to, method },
    label: `${method} ${scrubbed(url.pathname)}`,
    isSeen: true,
    url: address(url),
    fields: [
      ...ofParameters(url.searchParams, "query"),
      ...ofHeaders(Object.entries(headers)),
    ],
  };
}

/** Headers of an answer, by their names in small letters. */
export type Head = Readonly<Record<string, unknown>>;

/** The head of its answer. */
export function responseArrow(
  { status, head }: { readonly status: number; readonly head: Head },
  {
    location,
    message,
    fields: { ofHeaders, address },
  }: {
    readonly location: string;
    readonly message: MessageName;
    readonly fields: Fields;
  },
): NewArrow {
  const { from, to } = MESSAGES[message];
  return {
    ...{ message, direction: "response", from: to, to: from, status },
    label: answerLabel(status, location, address),
    isSeen: true,
    fields: ofHeaders(Object.entries(head)),
  };
}

/** Where an answer sends the browser: by a redirect, or as a page that goes on by itself. */
export function locationOf({ location, refresh }: Head): string {
  return textOf(location) || textOf(refresh).replace(/^\d+; *url=/i, "");
}

/** The first of what may be several. */
function textOf(header: unknown): string {
  const [first] = [header].flat();
  return typeof first === "string" ? first : "";
}

/** A request that the browser carries to the provider: the application has written it, and does not see it go. */
export function carriedArrow(
  message: "authorization-request" | "end-session-request",
  url: URL,
  { address, ofParameters }: Fields,
): NewArrow {
  return {
    ...{ message, direction: "request", method: "GET" },
    ...{ from: "browser", to: "provider" },
    label: `GET ${url.host}${scrubbed(url.pathname)}`,
    isSeen: false,
    url: address(url),
    fields: ofParameters(url.searchParams, "query"),
  };
}

/** The provider's answer on its way through the browser: known when it has arrived. */
export function answeredArrow(
  parameters: URLSearchParams,
  { ofParameters }: Fields,
): NewArrow {
  const error = parameters.get("error");
  return {
    ...{ message: "authorization-response", direction: "response" },
    ...{ from: "provider", to: "browser" },
    label: error === null ? "code and state" : `error: ${scrubbed(error)}`,
    isSeen: false,
    fields: ofParameters(parameters, "query"),
  };
}

/** A request of the application. */
export function sentArrow(
  { to, method, headers }: SentRequest,
  url: URL,
  form: URLSearchParams,
  message: MessageName,
  { address, ofHeaders, ofParameters }: Fields,
): NewArrow {
  return {
    ...{ message, direction: "request", from: "app", to, method },
    label: `${method} ${scrubbed(url.pathname)}`,
    isSeen: true,
    url: address(url),
    fields: [
      ...ofParameters(url.searchParams, "query"),
      ...ofParameters(form, "form"),
      ...ofHeaders(headers),
    ],
  };
}

/** Answers that hold no secret. UserInfo is about the user, and for the user. */
const PUBLIC_ANSWERS: ReadonlySet<MessageName> = new Set([
  "discovery",
  "keys",
  "userinfo-request",
]);

/** The answer to one. */
export function answerArrow(
  { status, headers, body = "" }: SentAnswer,
  message: MessageName,
  { ofHeaders, ofJson, decoded }: Fields,
): NewArrow {
  const { to } = MESSAGES[message];
  const idToken = /"id_token"\s*:\s*"([^"]+)"/.exec(body)?.[1];
  const token =
    idToken === undefined ? undefined : decoded("ID Token", idToken);
  return {
    ...{ message, direction: "response", from: to, to: "app", status },
    label: String(status),
    isSeen: true,
    fields: [
      ...ofHeaders(headers),
      ...ofJson(body, PUBLIC_ANSWERS.has(message)),
    ],
    ...(token !== undefined && { token }),
  };
}

function answerLabel(
  status: number,
  location: string,
  address: Fields["address"],
): string {
  const url = resolvedUrl(location, HERE);
  if (location === "" || url === undefined) return String(status);
  url.search = "";
  const shown = address(url, HERE).replace(/^https?:\/\//, "");
  return `${String(status)} to ${shown}`;
}
