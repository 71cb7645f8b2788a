#!/usr/bin/env node
/** The command `express-login-kit`. */
import { parseArgs } from "node:util";
import { startDemo } from "./demo.js";
import { examine } from "./doctor.js";
import {
  startDevelopmentParties,
  type DevelopmentOptions,
  type DevelopmentParties,
} from "./provider.js";
import { asJson, asText, isHealthy } from "./findings.js";
import {
  subjectOfEnvironment,
  subjectOfModule,
  type Subject,
} from "./read-subject.js";

const HELP = `express-login-kit doctor [module] [options]

  Looks at a set-up, and says what would keep users from signing in. It changes
  nothing and signs nobody in: it asks the provider for a code that does not
  exist and for a login that asks nobody, and Redis for records that end in ten
  seconds.

  module         a module that exports options, or default: the options of
                 createLoginKit, a promise of them, or a function that gives them
                 Default: OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET,
                 OIDC_SCOPE, BASE_URL, SESSION_SECRET and REDIS_URL; put them
                 there with node --env-file=.env
  --url <url>    asks the application that runs there, too
  --json         answers in JSON, for scripts

  Exit code 0: users can sign in; 1: they cannot; 2: the command was not
  understood.

express-login-kit provider [options]

  Starts a provider for development and an API beside it, both on loopback, and
  prints their settings as lines of .env. Its users, alice (roles admin, user)
  and bob (user), need no password. Ctrl+C ends it.

  --port <port>                   of the provider. Default 4400
  --api-port <port>               of the API. Default: the next one
  --access-token-seconds <n>      lifetime of access tokens. Default 300
  --slow <n>                      seconds that each request waits. Default 0

express-login-kit demo [options]

  Starts an application to try and to look into, with a provider and an API of
  its own: a login in nine steps, each message drawn when it is sent, and
  buttons that break things. Open the address that it prints. Ctrl+C ends it.
  With PORT=4000 it listens there; REDIS_URL and SESSION_SECRET keep logins in
  Redis, OIDC_ISSUER and others sign in at a provider of yours.

  --two-providers                 one for staff, one for customers

express-login-kit --help
`;

/** Runs the command; resolves with its exit code. */
async function main(given: readonly string[]): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...given],
      allowPositionals: true,
      options: {
        url: { type: "string" },
        json: { type: "boolean" },
        port: { type: "string", default: "4400" },
        "api-port": { type: "string" },
        "access-token-seconds": { type: "string", default: "300" },
        slow: { type: "string", default: "0" },
        "two-providers": { type: "boolean" },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    return misunderstood(messageOf(error));
  }
  const { values, positionals } = parsed;
  const [command, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  switch (command) {
    case "doctor":
      return doctor(rest, values.url, values.json === true);
    case "provider":
      if (rest.length > 0) return misunderstood(`too much: ${rest.join(" ")}`);
      return provider({
        port: Number(values.port),
        apiPort: Number(values["api-port"] ?? Number(values.port) + 1),
        accessTokenSeconds: Number(values["access-token-seconds"]),
        slowSeconds: Number(values.slow),
      });
    case "demo":
      if (rest.length > 0) return misunderstood(`too much: ${rest.join(" ")}`);
      return startDemo(values["two-providers"] === true);
    case undefined:
    default:
      return misunderstood(`no command ${command ?? ""}`.trim());
  }
}

async function doctor(
  [module, ...more]: readonly string[],
  url: string | undefined,
  wantsJson: boolean,
): Promise<number> {
  if (more.length > 0) return misunderstood(`too much: ${more.join(" ")}`);
  if (url !== undefined && !URL.canParse(url)) {
    return misunderstood(`--url is no address: ${url}`);
  }
  if (url !== undefined && hasCredentials(url)) {
    return misunderstood("--url must hold no user and no password");
  }
  let subject: Subject;
  try {
    subject =
      module === undefined
        ? await subjectOfEnvironment(process.env)
        : await subjectOfModule(module);
  } catch (error) {
    return misunderstood(messageOf(error));
  }
  const findings = await examine({
    options: subject.options,
    url,
    nodeEnv: process.env["NODE_ENV"],
  });
  process.stdout.write(wantsJson ? asJson(findings) : asText(findings));
  await subject.close();
  return isHealthy(findings) ? 0 : 1;
}

/** Resolves when somebody ends it. */
async function provider(options: DevelopmentOptions): Promise<number> {
  if (!Object.values(options).every((value) => value >= 0)) {
    return misunderstood(
      "--port, --access-token-seconds and --slow are numbers",
    );
  }
  let parties: DevelopmentParties;
  try {
    parties = await startDevelopmentParties(options);
  } catch (error) {
    process.stderr.write(
      `the provider cannot start: ${messageOf(error)}; another --port may be free\n`,
    );
    return 1;
  }
  process.stdout.write(`${parties.settings}
# A provider for development, and an API. Ctrl+C ends both.
`);
  await new Promise((resolve) => {
    process.once("SIGINT", resolve).once("SIGTERM", resolve);
  });
  await parties.close();
  return 0;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `fetch` takes none, and its refusal would show them. */
function hasCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== "" || password !== "";
}

function misunderstood(why: string): number {
  process.stderr.write(`${why}\n\n${HELP}`);
  return 2;
}

// Not awaited: require() of a bundle must not wait.
main(process.argv.slice(2)).then(
  (code) => {
    // The options' own client or pool may hold the process.
    process.exit(code);
  },
  (error: unknown) => {
    console.error(error);
    process.exit(2);
  },
);
