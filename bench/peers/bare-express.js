/** `GET /me` for everyone: what Express alone costs. */
import express from "express";

import { person } from "../settings.js";
import { serve } from "./serve.js";

const app = express();
app.get("/me", (_req, res) => {
  res.json(
    person({
      sub: "248289761-500",
      name: "Jane Doe 500",
      email: "janedoe.500@example.com",
    }),
  );
});
serve(app);
