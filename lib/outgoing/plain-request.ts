/** A request as the `fetch` of any library takes it. */
import type { OutgoingRequest } from "../config/outgoing-options.js";

/** A request as Node's `fetch` takes it. */
export interface FetchRequest extends RequestInit {
  readonly headers: Headers;
  readonly redirect: "manual";
  readonly signal: AbortSignal;
}

/**
 * The same request with a body that every library knows: another one takes
 * Node's `FormData` for a text. What is read piece by piece stays so. Further
 * members are passed on.
 */
export async function plainRequest({
  headers,
  body,
  method = "GET",
  ...others
}: FetchRequest): Promise<OutgoingRequest> {
  const plain = await plainBody(body, headers);
  return {
    ...others,
    method,
    headers: Object.fromEntries(headers),
    ...(plain !== null && { body: plain }),
    ...(plain instanceof ReadableStream && { duplex: "half" }),
  };
}

/** Adds the type that belongs to the body, where the request has none. */
async function plainBody(
  body: RequestInit["body"],
  headers: Headers,
): Promise<NonNullable<OutgoingRequest["body"]> | null> {
  if (body === undefined || body === null) return null;
  const read = new Response(body);
  const type = read.headers.get("content-type");
  if (type !== null && !headers.has("content-type")) {
    headers.set("content-type", type);
  }
  if (typeof body === "string") return body;
  return Symbol.asyncIterator in body
    ? read.body
    : new Uint8Array(await read.arrayBuffer());
}
