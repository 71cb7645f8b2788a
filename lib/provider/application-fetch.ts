/** The application's own `fetch` towards the provider, as far as it can be relied on. */
import { isUint8Array } from "node:util/types";
import type {
  ProviderFetch,
  ProviderRequest,
} from "../config/provider-fetch.js";
import { printable } from "../base/printable.js";
import { withoutSecrets } from "./sent-secrets.js";

/** The function `providerFetch` brought no answer of the provider. */
export class ProviderFetchError extends Error {
  override readonly name = "ProviderFetchError";

  constructor(reason: string) {
    super(`the function providerFetch ${reason}`);
  }
}

/** Sends a request; `secrets` is what it holds in confidence. */
export type SendRequest = (
  url: string,
  request: ProviderRequest,
  secrets: readonly string[],
) => Promise<Response>;

/** Statuses whose answers have no body (RFC 9110 15.3.5, 15.3.6, 15.4.5). */
const BODILESS = new Set([204, 205, 304]);

/**
 * Sends by the application's function. Whatever it does instead of answering
 * is a {@link ProviderFetchError} without the request's secrets: it is the
 * application's own code, and has seen all of them.
 */
export function sendByApplication(providerFetch: ProviderFetch): SendRequest {
  return async function send(url, request, secrets) {
    const failure = (error: unknown): ProviderFetchError =>
      error instanceof ProviderFetchError
        ? error
        : new ProviderFetchError(
            `failed: ${printable(withoutSecrets(wordsOf(error), secrets))}`,
          );
    try {
      const { status, headers, body } = checked(
        await providerFetch(url, request),
      );
      return new Response(
        BODILESS.has(status) || body === null
          ? null
          : ReadableStream.from(bytesOf(body, failure)),
        { status, headers: [...headers] },
      );
    } catch (error) {
      throw failure(error);
    }
  };
}

interface CheckedAnswer {
  readonly status: number;
  readonly headers: Iterable<[string, string]>;
  readonly body: AsyncIterable<unknown> | null;
}

/** It may be another library's `Response`, so its members count and not its class. */
function checked(answer: unknown): CheckedAnswer {
  if (typeof answer !== "object" || answer === null) {
    throw new ProviderFetchError("answered no Response");
  }
  const { status, headers, body, redirected } = answer as Record<
    string,
    unknown
  >;
  if (redirected === true) {
    throw new ProviderFetchError(
      "followed a redirect, and with it went what the request held in confidence; pass init.redirect on",
    );
  }
  if (
    !Number.isInteger(status) ||
    Number(status) < 200 ||
    Number(status) > 599
  ) {
    throw new ProviderFetchError("answered no status between 200 and 599");
  }
  if (!hasIterator(headers, Symbol.iterator)) {
    throw new ProviderFetchError("answered without Headers");
  }
  if (body !== null && !hasIterator(body, Symbol.asyncIterator)) {
    throw new ProviderFetchError("answered with a body that is no stream");
  }
  return { status, headers, body } as CheckedAnswer;
}

function hasIterator(value: unknown, name: symbol): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Record<symbol, unknown>)[name] === "function"
  );
}

async function* bytesOf(
  body: AsyncIterable<unknown>,
  failure: (error: unknown) => ProviderFetchError,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body) {
      if (!isUint8Array(piece)) {
        throw new ProviderFetchError("answered with a body that is not bytes");
      }
      yield piece;
    }
  } catch (error) {
    throw failure(error);
  }
}

/** Most causes of an error that are looked at. */
const MAX_CAUSES = 6;

/** What an error and its causes say: a network error says it in a cause. */
function wordsOf(error: unknown): string {
  const words: string[] = [];
  let link = error;
  for (let depth = 0; depth < MAX_CAUSES; depth += 1) {
    if (typeof link !== "object" || link === null) {
      if (depth === 0) words.push(String(link));
      break;
    }
    const { message, code, cause } = link as Record<string, unknown>;
    if (typeof message === "string") words.push(message);
    if (typeof code === "string") words.push(`(${code})`);
    link = cause;
  }
  return words.join(" ");
}
