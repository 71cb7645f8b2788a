/** Lets Node make requests and responses that are Express's from the beginning. */
import { IncomingMessage, ServerResponse } from "node:http";
import type { Express } from "express";

/** What `http.createServer` and `https.createServer` make requests and responses by. */
export interface ExpressServerOptions {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
}

/**
 * Options of `http.createServer` and `https.createServer` for an Express
 * application, which then needs half of the CPU for a request, or less:
 * `createServer(serverOptions(app), app).listen(3000)`.
 *
 * Express gives each request and response another prototype when it comes in.
 * V8 then takes each of them for an object of its own kind, whose members it has
 * to look up anew, wherever they are used: in Express, in Node, in middlewares.
 * Made by these options they have that prototype already, and nothing is changed.
 *
 * @param app the application that is to be served
 * @see docs/performance.md
 */
export function serverOptions(app: Express): ExpressServerOptions {
  return {
    IncomingMessage: madeWith(app.request, IncomingMessage),
    ServerResponse: madeWith(app.response, ServerResponse),
  };
}

/** A constructor of the same objects with another prototype, which has to inherit from theirs. */
function madeWith<Made extends new (...given: never[]) => object>(
  prototype: object,
  constructor: Made,
): Made {
  // Both are functions in all versions of Node. What Reflect.construct makes
  // with a prototype that is not the constructor's own has no kind to share.
  function make(this: object, ...given: unknown[]): void {
    Reflect.apply(constructor, this, given);
  }
  make.prototype = prototype;
  return make as unknown as Made;
}
