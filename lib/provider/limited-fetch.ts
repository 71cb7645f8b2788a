/** `fetch` towards the provider, limited in time, size and redirects, whoever sends it. */
import { unlessAborted } from "../base/unless-aborted.js";
import type {
  OutgoingFetch,
  OutgoingRequest,
} from "../config/outgoing-options.js";
import { sendByApplication } from "../outgoing/application-fetch.js";
import { secretsSent, withoutSecrets } from "../outgoing/sent-secrets.js";
import { witness, type SentRequest } from "../telling/witness.js";
import type { ProviderClock } from "./provider-clock.js";
import { refusalOf } from "./refusal.js";

/** No answer of a provider is larger. */
const MAX_BYTES = 1024 * 1024;

/** The provider's answer is larger than any answer should be. */
export class OversizedResponseError extends Error {
  constructor(url: string) {
    super(`${url} answered with more than ${String(MAX_BYTES)} bytes`);
    this.name = "OversizedResponseError";
  }
}

/** The signature that openid-client and jose share for their `customFetch`. */
export type LimitedFetch = (
  url: string,
  options: {
    body?: unknown;
    headers: Headers | Record<string, string>;
    method: string;
    signal?: AbortSignal;
  },
) => Promise<Response>;

/** What is done with requests and answers beside handing them on. */
export interface LimitedFetchOptions {
  /** Reads the answers' dates. */
  readonly clock?: ProviderClock;
  /** Sends in place of Node's `fetch`. */
  readonly fetch?: OutgoingFetch | undefined;
  /** `json`: a good answer of another type than JSON or JWT is an error (Discovery 4.2, Core 5.3.2, RFC 8725 3.11). */
  readonly only?: "json";
  /** Ends every request: the process is closing. */
  readonly stop?: AbortSignal | undefined;
}

/**
 * Creates a `fetch` that ends in time, with the body of the answer read. A
 * redirect is answered as it is: following one would send credentials along.
 * Of an answer that is not 2xx only the OAuth error is kept, without what the
 * request held in confidence.
 */
export function createLimitedFetch(
  timeoutSeconds: number,
  { clock, fetch: outgoingFetch, only, stop }: LimitedFetchOptions = {},
): LimitedFetch {
  const sendOwn =
    outgoingFetch === undefined ? undefined : sendByApplication(outgoingFetch);

  const ask = async (
    url: string,
    request: OutgoingRequest,
  ): Promise<Response> => {
    const secrets = (): readonly string[] =>
      secretsSent(request.headers, request.body);
    const answered = witness()?.sent(sentBy(url, request));
    let response: Response;
    let bytes: Uint8Array<ArrayBuffer> | null;
    try {
      response = await (sendOwn?.(url, request, secrets()) ??
        fetch(url, request));
      clock?.note(response.headers);
      if (only === "json" && response.status === 200) {
        requireJson(response, url, secrets());
      }
      bytes =
        response.body === null
          ? null
          : await readAll(response.body, url, request.signal);
    } catch (error) {
      answered?.(undefined);
      throw error;
    }
    const textOfAnswer = (): string =>
      new TextDecoder().decode(bytes ?? undefined);
    const { status, headers } = response;
    if (answered !== undefined) {
      answered({ status, headers, body: textOfAnswer() });
    }
    if (response.ok) return new Response(bytes, response);
    return refusalOf(
      response,
      textOfAnswer(),
      secrets(),
      request.method === "POST",
    );
  };

  return async function limitedFetch(url, { body, headers, method, signal }) {
    const over = AbortSignal.any([
      AbortSignal.timeout(timeoutSeconds * 1000),
      ...(signal ? [signal] : []),
      ...(stop ? [stop] : []),
    ]);
    return unlessAborted(over, () =>
      ask(url, {
        ...(body != null && { body: textOf(body) }),
        headers: Object.fromEntries(new Headers(headers)),
        method,
        redirect: "manual",
        signal: over,
      }),
    );
  };
}

/** What a witness is told of a request. */
function sentBy(
  url: string,
  { method, headers, body }: OutgoingRequest,
): SentRequest {
  return {
    to: "provider",
    method,
    url,
    headers: Object.entries(headers),
    body: typeof body === "string" ? body : undefined,
  };
}

/** openid-client sends forms and JSON, jose nothing. */
function textOf(body: unknown): string {
  return (body as string | URLSearchParams).toString();
}

const JSON_OR_JWT = /^application\/(?:(?:[\w.-]+\+)?json|jwt)\s*(?:;|$)/i;

function requireJson(
  { headers }: Response,
  url: string,
  secrets: readonly string[],
): void {
  const type = headers.get("content-type");
  if (type !== null && JSON_OR_JWT.test(type)) return;
  const came =
    type === null
      ? "no content type"
      : `the content type ${withoutSecrets(type, secrets)}`;
  throw new Error(
    `${url} answered 200 with ${came}, not with application/json`,
  );
}

async function readAll(
  body: ReadableStream<Uint8Array>,
  url: string,
  over: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the stream and closes the connection.
  for await (const chunk of body) {
    over.throwIfAborted();
    size += chunk.length;
    if (size > MAX_BYTES) throw new OversizedResponseError(url);
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}
