/** `GET /me` behind a hand-written guard, with express-session and connect-redis. */
import express from "express";

import { person } from "../settings.js";
import { serve } from "./serve.js";
import { signedIn } from "./signed-in.js";

const app = express();
app.use(await signedIn());
app.get("/me", (req, res) => {
  res.json(person(req.session.user));
});
serve(app);
