/** How runs, messages and times are put into words. */
import type { Message, MessageName, Party } from "../../telling/messages.js";
import type { Arrow, Run, RunKind } from "../model.js";

/** What the server calls messages, parties and the steps of the flow. */
export interface Names {
  readonly messages: Readonly<Record<MessageName, Message>>;
  readonly parties: Readonly<Record<Party, string>>;
  readonly steps: readonly {
    readonly title: string;
    readonly text: string;
    readonly messages: readonly MessageName[];
  }[];
}

/** What runs are called in lists. */
export const KINDS: Readonly<Record<RunKind, string>> = {
  login: "Login",
  call: "Call",
  refresh: "Refresh",
  logout: "Logout",
  "provider-logout": "Logout by the provider",
};

/** What the states of a run are called. */
export const STATES: Readonly<Record<Run["state"], string>> = {
  running: "running",
  done: "done",
  failed: "failed",
};

/** Who is named by one short word where there is little room. */
const SHORT_NAMES: Readonly<Record<Party, string>> = {
  user: "User",
  browser: "Browser",
  app: "App",
  provider: "Auth",
  resource: "API",
};

/** What a status asks of whom it is sent to. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  200: "It worked.",
  201: "It worked: something new was made.",
  204: "It worked, and there is nothing to say.",
  302: "Go on to the address in Location.",
  303: "Go on to the address in Location.",
  400: "The request was not right.",
  401: "Who asks is not known, or the token is not accepted.",
  403: "Who asks is known, and may not do this.",
  404: "There is nothing at this address.",
  500: "The server has a fault.",
  502: "Another server, which was asked, did not answer as it should.",
  503: "The server cannot answer now.",
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The short name of a party. */
export function shortNameOf(party: Party): string {
  return SHORT_NAMES[party];
}

/** What a status asks of whom it is sent to; undefined: nothing more than its number says. */
export function statusWordsOf(status: number): string | undefined {
  return STATUS_WORDS[status];
}

/** How long something lasts: `12 ms`, `1.25 s`, `2 min 5 s`, `7 h 58 min`. */
export function duration(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  if (whole < 1000) return `${whole} ms`;
  if (whole < MINUTE_MS) {
    return `${(whole / 1000).toFixed(whole < 10_000 ? 2 : 1)} s`;
  }
  if (whole >= HOUR_MS) {
    const hours = Math.floor(whole / HOUR_MS);
    return `${hours} h ${Math.floor((whole % HOUR_MS) / MINUTE_MS)} min`;
  }
  const minutes = Math.floor(whole / MINUTE_MS);
  return `${minutes} min ${Math.round((whole % MINUTE_MS) / 1000)} s`;
}

/** The time of the day, of a time in ISO 8601. */
export function timeOfDay(iso: string): string {
  return new Date(iso).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

/** A browser by its name and system, where the text is a `User-Agent`. */
export function shortAgent(text: string): string {
  if (!text.startsWith("Mozilla/")) return text;
  const [, name, version] =
    /(Edg|OPR|Firefox|HeadlessChrome|Chrome)\/(\d+)/.exec(text) ??
    /()Version\/(\d+).*Safari/.exec(text) ??
    [];
  const browser =
    { Edg: "Edge", OPR: "Opera", HeadlessChrome: "Chrome", "": "Safari" }[
      name ?? "?"
    ] ?? name;
  const [system] =
    /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(text) ?? [];
  const words = [browser && `${browser} ${version ?? ""}`, system];
  return words.filter(Boolean).join(", ") || text;
}

/** The arrows of a run with their steps: 1, 2, 3 in the order in which they happened. */
export function arrowsOf(run: Run): readonly Arrow[] {
  return run.items.filter((item): item is Arrow => item.is === "arrow");
}

/** An arrow as a sentence: "Browser to Client App: GET /login, 12 ms, step 2". */
export function sentenceOf(
  arrow: Arrow,
  run: Run,
  { parties, messages }: Names,
): string {
  const arrows = arrowsOf(run);
  const stepOf = (id: string | undefined): number =>
    arrows.findIndex((other) => other.id === id) + 1;
  const asked = stepOf(arrow.answers);
  return [
    `${parties[arrow.from]} to ${parties[arrow.to]}: ${arrow.label}`,
    duration(arrow.at),
    `step ${stepOf(arrow.id)}`,
    arrow.answers === undefined && messages[arrow.message].title,
    asked > 0 && `answer to step ${asked}`,
    !arrow.isSeen && "not seen by the application",
    run.failure?.arrow === arrow.id && `failed: ${run.failure.title}`,
  ]
    .filter((part) => part !== false)
    .join(", ");
}

/** Where a specification can be read, of its name with a section. */
export function specificationUrl(name: string): string | undefined {
  const [, rfc, section] = /^RFC (\d+)(?: ([\d.]+))?/.exec(name) ?? [];
  if (rfc !== undefined) {
    const anchor = section === undefined ? "" : `#section-${section}`;
    return `https://www.rfc-editor.org/rfc/rfc${rfc}${anchor}`;
  }
  const document = Object.entries(OPENID_DOCUMENTS).find(([title]) =>
    name.startsWith(`OpenID Connect ${title}`),
  );
  return document && `https://openid.net/specs/${document[1]}-1_0.html`;
}

const OPENID_DOCUMENTS: Readonly<Record<string, string>> = {
  Core: "openid-connect-core",
  Discovery: "openid-connect-discovery",
  "RP-Initiated Logout": "openid-connect-rpinitiated",
  "Back-Channel Logout": "openid-connect-backchannel",
  "Front-Channel Logout": "openid-connect-frontchannel",
};
