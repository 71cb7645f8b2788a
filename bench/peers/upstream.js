/** The resource server: answers of 1 KB and of 1 MB for a token of one scheme, `Bearer` or `DPoP`. */
import { Buffer } from "node:buffer";
import process from "node:process";

import { serve } from "./serve.js";

const { SCHEME = "Bearer" } = process.env;

const answers = {
  "/v1/1kb": Buffer.alloc(1024, "a"),
  "/v1/1mb": Buffer.alloc(1024 * 1024, "a"),
};

serve((req, res) => {
  const answer = answers[req.url];
  const { authorization, dpop } = req.headers;
  const knows =
    authorization?.startsWith(`${SCHEME} `) === true &&
    (dpop !== undefined) === (SCHEME === "DPoP");
  if (answer === undefined || !knows) {
    res.writeHead(answer === undefined ? 404 : 401).end();
    return;
  }
  res
    .writeHead(200, {
      "Content-Type": "application/octet-stream",
      "Content-Length": answer.length,
    })
    .end(answer);
});
