/** Puts the application's own limit before a handler of the kit. */
import { ServerResponse } from "node:http";
import type { Request, RequestHandler, Response } from "express";

/**
 * A handler that the limit sees first. A request that it answers goes no further;
 * what it throws or rejects with, or hands to `next`, goes to the application.
 */
export function limited(
  limit: RequestHandler | undefined,
  handler: RequestHandler,
): RequestHandler {
  if (limit === undefined) return handler;
  return async function limitedHandler(req, res, next) {
    let isDone = false;
    const goOn = (error?: unknown): void => {
      // Whoever calls next and fails afterwards has let the request through.
      if (isDone) return;
      isDone = true;
      if (error === undefined || error === null) void handler(req, res, next);
      else next(error);
    };
    try {
      await limit(req, res, goOn);
    } catch (error) {
      goOn(error ?? new Error("a limit of the option limits failed"));
    }
  };
}

/**
 * Whether a limit lets a request through that is answered in any case: what the
 * limit answers goes to nobody. Rejects with what it throws or hands to `next`.
 */
export function isWithin(
  limit: RequestHandler | undefined,
  req: Request,
  res: Response,
): Promise<boolean> {
  if (limit === undefined) return Promise.resolve(true);
  const unseen = Object.setPrototypeOf(
    new ServerResponse(req),
    Object.getPrototypeOf(res) as object,
  ) as Response;
  unseen.locals = res.locals;
  return new Promise((resolve, reject) => {
    unseen.end = () => {
      resolve(false);
      return unseen;
    };
    const goOn = (error?: unknown): void => {
      if (error === undefined || error === null) resolve(true);
      else reject(errorOf(error));
    };
    Promise.resolve(limit(req, unseen, goOn)).catch(reject);
  });
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
