/** The kit's endpoints on their paths. */
import type { RequestHandler } from "express";
import type { Config } from "../config/config.js";

/** A handler for each path of the option `paths`. */
export type Endpoints = Readonly<Record<keyof Config["paths"], RequestHandler>>;

/** Creates `kit.routes`. One look at the path, because every request of the application comes by here. */
export function createRoutes(
  { paths, basePath, providers, hasSeveralProviders }: Config,
  endpoints: Endpoints,
  tellMounted: (path: string) => void,
): RequestHandler {
  const byPath = new Map<string, RequestHandler>();
  /** Below these a name of a provider may follow. */
  const ofProviders = new Map<string, RequestHandler>();
  const add = (path: string, endpoint: RequestHandler): void => {
    byPath.set(path, endpoint);
    // Without the prefix, where a proxy or a router has taken it away.
    byPath.set(path.slice(basePath.length), endpoint);
  };
  for (const name of Object.keys(endpoints) as (keyof Endpoints)[]) {
    add(paths[name], endpoints[name]);
  }
  if (hasSeveralProviders) {
    for (const name of WITH_PROVIDER) {
      ofProviders.set(paths[name], endpoints[name]);
      ofProviders.set(paths[name].slice(basePath.length), endpoints[name]);
    }
    for (const { callbackPath } of providers.values()) {
      add(callbackPath, endpoints.callback);
    }
  }
  const anyPath = anyOf([...byPath.keys(), ...ofProviders.keys()]);
  let isTold = false;
  return function routes(req, res, next) {
    // What most requests end with: the path itself takes Express longer to find.
    if (!anyPath.test(req.url)) {
      next();
      return;
    }
    const { path } = req;
    const endpoint =
      byPath.get(path) ??
      (hasSeveralProviders
        ? ofProviders.get(path.slice(0, path.lastIndexOf("/")))
        : undefined) ??
      skip;
    if (endpoint !== skip && req.baseUrl !== "" && req.baseUrl !== basePath) {
      if (!isTold) tellMounted(req.baseUrl);
      isTold = true;
    }
    return endpoint(req, res, next);
  };
}

/** Endpoints that a provider itself may ask for by its name. */
export const WITH_PROVIDER: readonly (keyof Endpoints)[] = [
  "callback",
  "backchannelLogout",
  "frontchannelLogout",
  "initiateLogin",
];

/** Finds any of these paths in a URL, wherever it is. */
function anyOf(paths: readonly string[]): RegExp {
  return new RegExp(
    paths.map((path) => path.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"),
  );
}

const skip: RequestHandler = (_req, _res, next) => {
  next();
};
