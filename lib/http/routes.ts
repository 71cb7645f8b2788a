/** The kit's endpoints on their paths. */
import type { RequestHandler } from "express";
import type { Config } from "../config/config.js";

/** A handler for each path of the option `paths`. */
export type Endpoints = Readonly<Record<keyof Config["paths"], RequestHandler>>;

/** Creates `kit.routes`. One look at the path, because every request of the application comes by here. */
export function createRoutes(
  { paths }: Config,
  endpoints: Endpoints,
): RequestHandler {
  const byPath = new Map<string, RequestHandler>();
  for (const name of Object.keys(endpoints) as (keyof Endpoints)[]) {
    byPath.set(paths[name], endpoints[name]);
  }
  return function routes(req, res, next) {
    const endpoint = byPath.get(req.path) ?? skip;
    return endpoint(req, res, next);
  };
}

const skip: RequestHandler = (_req, _res, next) => {
  next();
};
