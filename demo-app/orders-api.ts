/** The orders API: a resource server that knows nothing but access tokens. */
import express from "express";
import type {
  ErrorRequestHandler,
  Express,
  NextFunction,
  Request,
  Response,
} from "express";

import { accessTokenOf, requireAccessToken } from "./access-token.js";
import type { AccessToken, AccessTokenOptions } from "./access-token.js";

export interface Order {
  readonly id: number;
  readonly item: string;
  readonly price: string;
}

const SAMPLES: ReadonlyMap<string, readonly Order[]> = new Map([
  [
    "alice",
    [
      { id: 1, item: "Earl Grey, loose leaf", price: "12.50" },
      { id: 2, item: "Porcelain teapot", price: "48.00" },
    ],
  ],
  ["bob", [{ id: 1, item: "Espresso beans, dark roast", price: "18.90" }]],
]);
const SAMPLE_FOR_OTHERS: readonly Order[] = [
  { id: 1, item: "Cocoa powder", price: "7.20" },
];

/** Creates the API: `GET` and `POST /v1/orders`, for the token's subject only. */
export function createOrdersApi(options: AccessTokenOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  const ordersOf = createOrders();
  const authorize = requireAccessToken(options);

  app.get("/v1/orders", authorize, function listOrders(_req, res) {
    const orders = ordersOf(accessTokenOf(res));
    res.set("Cache-Control", "no-store").json({ orders });
  });

  app.post(
    "/v1/orders",
    authorize,
    express.json({ limit: "16kb" }),
    function placeOrder(req, res) {
      const item = (req.body as { readonly item?: unknown } | undefined)?.item;
      if (typeof item !== "string" || item.trim() === "" || item.length > 100) {
        res
          .status(400)
          .json({ error: "item must be text of 1 to 100 characters" });
        return;
      }
      const orders = ordersOf(accessTokenOf(res));
      const order = { id: orders.length + 1, item: item.trim(), price: "9.90" };
      orders.push(order);
      res.status(201).set("Cache-Control", "no-store").json(order);
    },
  );

  app.use(function notFound(_req, res) {
    res.status(404).json({ error: "not found" });
  });
  app.use(answerError);
  return app;
}

const answerError: ErrorRequestHandler = function answerError(
  error: { readonly status?: number },
  _req: Request,
  res: Response,
  next: NextFunction,
) {
  if (error.status === undefined || error.status >= 500) {
    next(error);
    return;
  }
  res.status(error.status).json({ error: "the request is malformed" });
};

/** Orders by issuer and subject, which together name a user; everybody starts with a sample. */
function createOrders(): (user: AccessToken) => Order[] {
  const byUser = new Map<string, Order[]>();
  return function ordersOf({ iss, sub }) {
    const user = JSON.stringify([iss, sub]);
    const known = byUser.get(user);
    if (known !== undefined) return known;
    const orders = [...(SAMPLES.get(sub) ?? SAMPLE_FOR_OTHERS)];
    byUser.set(user, orders);
    return orders;
  };
}
