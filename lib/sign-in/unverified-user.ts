/** What a provider posts about the user beside its answer, by the browser: nobody vouches for it. */
import { excessOf } from "../provider/claims-bounds.js";
import { jsonObject, type JsonObject } from "../provider/json-object.js";

/** The form field. Apple sends it once, when the user agrees for the first time. */
export const USER_FIELD = "user";

/** Longest field that is kept, in bytes as a form: it has to fit in beside a code. */
const MAX_USER_BYTES = 1024;

/** What the field says; undefined: it is empty, too long, too deep, or no JSON object. */
export function unverifiedUser(field: string): JsonObject | undefined {
  if (field === "") return undefined;
  const asForm = new URLSearchParams({ [USER_FIELD]: field }).toString();
  if (asForm.length > MAX_USER_BYTES) return undefined;
  const user = jsonObject(field);
  return user !== undefined && excessOf(user) === undefined ? user : undefined;
}
