// The application, in CommonJS.
const express = require("express");
const { createLoginKit, loginOf } = require("express-login-kit");

exports.createApp = function createApp({ issuer, clientId, clientSecret }) {
  const kit = createLoginKit({
    issuer,
    clientId,
    clientSecret,
    baseUrl: "http://localhost:3000",
    session: { secret: "an example has no secret to keep, but 32 letters" },
  });

  const app = express();
  app.use(kit.routes);
  app.get("/me", kit.requireAuth(), (req, res) => {
    res.send(`Hello ${loginOf(req).claims.name}`);
  });
  app.use(kit.errorHandler);
  return app;
};
