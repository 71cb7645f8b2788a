/** What body parsers of Express 4 do with a request that is not theirs to read. */
import type { RequestHandler } from "express";

/** Sets `req.body` to `{}` and reads nothing (body-parser 1); those of Express 5 leave it undefined. */
export const leaveEmptyBody: RequestHandler = (req, _res, next) => {
  req.body = {};
  next();
};
