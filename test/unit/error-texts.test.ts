/** failureTexts: every failure has the status of an error, and texts that are sentences. */
import { expect, test } from "@jest/globals";

import { failureTexts } from "../../lib/base/failure-texts.js";

test.each(Object.entries(failureTexts))(
  "%s has a client or server error status, and texts that are sentences",
  (_code, { status, title, cause, remedy }) => {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title).not.toBe("");
    expect(cause).toMatch(/\.$/);
    expect(remedy).toMatch(/\.$/);
  },
);
