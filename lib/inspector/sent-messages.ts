/** Records what the application sends to providers and resource servers, and what they answer. */
import type { Config } from "../config/config.js";
import { secretsSent, withoutSecrets } from "../outgoing/sent-secrets.js";
import type { MessageName } from "../telling/messages.js";
import type { SentRequest, Witness } from "../telling/witness.js";
import { answerArrow, sentArrow } from "./arrows.js";
import type { Fields } from "./fields.js";
import { providerMessage } from "./provider-message.js";
import type { GrowingRun, NewArrow } from "./run.js";

/** What is done in the middle of something else: what fails afterwards is not about it. */
const ASIDE: ReadonlySet<MessageName> = new Set([
  "keys",
  "discovery",
  "revocation-request",
]);

/** What sent messages are recorded with. */
export interface SentRecording {
  readonly config: Config;
  readonly fields: Fields;
  readonly now: () => number;
}

/**
 * Creates the recording.
 *
 * @param runNow the run that a message belongs to
 * @param about is called with the arrow that checks and failures are about from now on
 */
export function createSent(
  { config, fields, now }: SentRecording,
  runNow: () => GrowingRun,
  about: (arrowId: string) => void,
): Witness["sent"] {
  return function sent(request) {
    const run = runNow();
    const url = new URL(request.url);
    const headers = [...request.headers];
    const form = formIn(headers, request.body);
    const secrets = secretsIn(headers, form);
    const message =
      request.to === "resource"
        ? "resource-request"
        : providerMessage({ ...request, headers }, form);
    if (message === "refresh-request" && run.kind === "call") {
      run.kind = "refresh";
    }
    run.names[request.to] ??= nameOf(request, url, config);
    const arrowId = run.arrow(
      sentArrow({ ...request, headers }, url, form, message, fields),
      now(),
    );
    const isAside = ASIDE.has(message);
    if (!isAside) about(arrowId);
    let isOver = false;
    return (answer) => {
      if (isOver) return;
      isOver = true;
      if (answer === undefined) {
        run.note({ over: ["app", request.to], text: "No answer came." }, now());
        if (message !== "revocation-request") about(arrowId);
        return;
      }
      const arrow = repeating(answerArrow(answer, message, fields), secrets);
      const answerId = run.arrow({ ...arrow, answers: arrowId }, now());
      if (!isAside) about(answerId);
    };
  };
}

type SentHeaders = readonly (readonly [string, unknown])[];

/** The form that is sent; another body, such as JSON, is none. */
function formIn(headers: SentHeaders, body = ""): URLSearchParams {
  const isForm = headers.some(
    ([name, value]) =>
      name.toLowerCase() === "content-type" && FORM.test(String(value)),
  );
  return new URLSearchParams(isForm ? body : "");
}

const FORM = /^application\/x-www-form-urlencoded\b/i;

/** What was sent in confidence. */
function secretsIn(
  headers: SentHeaders,
  form: URLSearchParams,
): readonly string[] {
  const secret = headers.filter(([name]) => SECRET_HEADER.test(name));
  return secretsSent(
    Object.fromEntries(secret.map(([name, value]) => [name, String(value)])),
    form,
  );
}

const SECRET_HEADER = /auth|cookie|dpop|key|secret|session|token/i;

/** An answer that may repeat what it was sent, in a header or in its words. */
function repeating(arrow: NewArrow, secrets: readonly string[]): NewArrow {
  return {
    ...arrow,
    fields: arrow.fields.map((field) =>
      typeof field.value !== "string" || OWN_WORDS.has(field.name)
        ? field
        : { ...field, value: withoutSecrets(field.value, secrets) },
    ),
  };
}

/** Fields whose value is a word of HTTP or OAuth. */
const OWN_WORDS: ReadonlySet<string> = new Set([
  "cache-control",
  "content-length",
  "content-type",
  "expires_in",
  "retry-after",
  "scope",
  "token_type",
]);

function nameOf({ to }: SentRequest, url: URL, config: Config): string {
  if (to === "provider") return url.host;
  const named = [...config.resourceServers].find(
    ([, server]) => server.url.origin === url.origin,
  );
  return named?.[0] ?? url.host;
}
