// One application, two providers: staff sign in at one, customers at the other.
import express from "express";
import { createLoginKit, loginOf, logEvents } from "express-login-kit";

const { env } = process;
const kit = createLoginKit({
  baseUrl: env.BASE_URL,
  session: { secret: env.SESSION_SECRET },
  providers: {
    staff: {
      label: "I work here",
      issuer: env.STAFF_ISSUER,
      clientId: env.STAFF_CLIENT_ID,
      clientSecret: env.STAFF_CLIENT_SECRET,
    },
    customers: {
      label: "I am a customer",
      issuer: env.CUSTOMERS_ISSUER,
      clientId: env.CUSTOMERS_CLIENT_ID,
      clientSecret: env.CUSTOMERS_CLIENT_SECRET,
    },
  },
});
logEvents(kit.events, console);

const app = express();
app.use(kit.routes);

// For users of both: without a login, the kit's page asks where to sign in.
app.get("/", kit.requireAuth(), (req, res) => {
  const { provider, claims } = loginOf(req);
  res.json({ provider, sub: claims.sub });
});

// For staff alone; others are sent to sign in there.
app.get("/admin", kit.requireAuth({ provider: "staff" }), (req, res) => {
  res.json({ administrator: loginOf(req).claims.sub });
});

app.use(kit.errorHandler);
app.listen(3000);
