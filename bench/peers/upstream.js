/** The resource server: answers of 1 KB and of 1 MB for whoever brings a token. */
import { Buffer } from "node:buffer";

import { serve } from "./serve.js";

const answers = {
  "/v1/1kb": Buffer.alloc(1024, "a"),
  "/v1/1mb": Buffer.alloc(1024 * 1024, "a"),
};

serve((req, res) => {
  const answer = answers[req.url];
  const knows = req.headers.authorization?.startsWith("Bearer ") === true;
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
