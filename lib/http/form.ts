/** The fields of a posted form, parsed here or by the application. */
import type { Request } from "express";
import { LoginKitError } from "../base/errors.js";
import type { LoginKitErrorCode } from "../base/failure-texts.js";
import { witness } from "../telling/witness.js";
import { parsedBody } from "./parsed-body.js";

/** No form that a provider sends is longer, in bytes. */
const MAX_FORM_BYTES = 16 * 1024;

/** How long a form may take to arrive, in milliseconds. */
const ARRIVES_WITHIN_MS = 10_000;

const FORM = "application/x-www-form-urlencoded";

/**
 * Reads a form of at most 16 KB, in UTF-8 and not compressed, that arrives
 * within 10 seconds. Repeated fields stay repeated; a request without a form
 * has none.
 *
 * @throws {LoginKitError} with `malformed` for a form that cannot be read, `ERR_REQUEST_TIMEOUT`
 */
export async function readForm(
  req: Request,
  malformed: LoginKitErrorCode,
): Promise<URLSearchParams> {
  // Also where a parser of the application has read something else.
  if (typeof req.is(FORM) !== "string") return new URLSearchParams();
  const body = parsedBody(req) ?? (await readText(req, malformed));
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(
    req.get("Content-Type") ?? "",
  )?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw unreadable(malformed, "is not in UTF-8");
  }
  if (typeof body === "string") return witnessed(new URLSearchParams(body));
  // A body parser of the application was here first.
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    for (const one of [value as unknown].flat()) {
      if (typeof one !== "string") {
        throw unreadable(malformed, "has a field that is no text");
      }
      fields.append(name, one);
    }
  }
  return witnessed(fields);
}

function witnessed(form: URLSearchParams): URLSearchParams {
  witness()?.read(form);
  return form;
}

async function readText(
  req: Request,
  malformed: LoginKitErrorCode,
): Promise<string> {
  // The whole body first: an answer to half a request may not be seen.
  const bytes = await readBody(req, malformed);
  const encoding = req.get("Content-Encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw unreadable(malformed, "is compressed");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(malformed, "is not in UTF-8", cause);
  }
}

/** What is too long is read to its end, and not kept. */
function readBody(req: Request, malformed: LoginKitErrorCode): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (!req.readable) {
      reject(unreadable(malformed, "was read by something else"));
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const keep = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= MAX_FORM_BYTES) chunks.push(chunk);
    };
    const late = setTimeout(() => {
      finish(
        new LoginKitError("ERR_REQUEST_TIMEOUT", {
          message: "the form did not arrive in time",
          headers: { Connection: "close" },
        }),
      );
    }, ARRIVES_WITHIN_MS);
    const ended = (): void => {
      finish(
        length > MAX_FORM_BYTES
          ? unreadable(malformed, "is longer than 16 KB")
          : undefined,
      );
    };
    const broken = (cause?: unknown): void => {
      finish(unreadable(malformed, "broke off", cause));
    };
    const finish = (failure: LoginKitError | undefined): void => {
      clearTimeout(late);
      req.off("data", keep).off("end", ended).off("close", broken);
      if (failure === undefined) resolve(Buffer.concat(chunks));
      else reject(failure);
    };
    // A request that breaks off has an error as well, whenever it comes.
    req.on("error", broken);
    req.on("data", keep).on("end", ended).on("close", broken);
  });
}

function unreadable(
  code: LoginKitErrorCode,
  what: string,
  cause?: unknown,
): LoginKitError {
  return new LoginKitError(code, { message: `the form ${what}`, cause });
}
