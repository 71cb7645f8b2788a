/** The fields of a posted form, whoever has parsed it. */
import express, {
  type Request,
  type RequestHandler,
  type Response,
} from "express";
import { LoginKitError, type LoginKitErrorCode } from "../errors.js";

/** No form that a provider sends is longer, in bytes. */
const MAX_FORM = 16 * 1024;

const FORM = "application/x-www-form-urlencoded";

const formParser: RequestHandler = express.text({
  type: FORM,
  limit: MAX_FORM,
});

/**
 * Reads a form of at most 16 KB. Repeated fields stay repeated; a request
 * without a form has none.
 *
 * @throws {LoginKitError} with `malformed` for a form that cannot be read
 */
export async function readForm(
  req: Request,
  res: Response,
  malformed: LoginKitErrorCode,
): Promise<URLSearchParams> {
  // Also where a parser of the application has read something else.
  if (typeof req.is(FORM) !== "string") return new URLSearchParams();
  let body: unknown = req.body;
  if (body === undefined) {
    await new Promise<void>((resolve, reject) => {
      void formParser(req, res, (error?: unknown) => {
        if (error === undefined) resolve();
        else {
          reject(
            new LoginKitError(malformed, {
              message: "the form is not readable",
              cause: error,
            }),
          );
        }
      });
    });
    body = req.body;
  }
  if (typeof body === "string") return new URLSearchParams(body);
  // A body parser of the application was here first.
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(body ?? {})) {
    for (const one of [value as unknown].flat()) {
      if (typeof one !== "string") {
        throw new LoginKitError(malformed, {
          message: "the form has a field that is no text",
        });
      }
      fields.append(name, one);
    }
  }
  return fields;
}
