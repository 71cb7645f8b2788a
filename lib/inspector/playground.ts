/** Authentication Requests to try: what the provider supports, what one would look like, and sending it. */
import type { Request, Response } from "express";
import { ConfigError } from "../base/errors.js";
import { baseUrlOf } from "../config/base-url.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { isOwnParameter } from "../config/provider-rules.js";
import { createStartLogin } from "../flow/1-login.js";
import { answerError } from "../http/answer.js";
import type { Parts } from "../parts.js";
import type { Provider } from "../provider/provider.js";
import {
  checkedLoginOptions,
  type CheckedLoginOptions,
} from "../sign-in/login-options.js";
import type { Fields } from "./fields.js";
import type { Offer, Preview } from "./playground-model.js";

/** What is to be tried. */
export interface TriedRequest {
  readonly provider?: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** False: not pushed. Default: as configured. */
  readonly pushed?: boolean;
}

/** The playground of one kit. */
export interface Playground {
  readonly offer: (provider: string | undefined) => Promise<Offer>;
  /** @throws {ConfigError} that lists what is wrong with the request */
  readonly preview: (req: Request, tried: TriedRequest) => Promise<Preview>;
  /** Sends the browser to the provider, and back to `returnTo`. */
  readonly send: (
    req: Request,
    res: Response,
    tried: TriedRequest,
    returnTo: string,
  ) => Promise<void>;
}

/** Values of `prompt` that every provider knows (Core 3.1.2.1), where its metadata names none. */
const PROMPTS = ["none", "login", "consent", "select_account"];

/** Creates it. */
export function createPlayground(parts: Parts, fields: Fields): Playground {
  const { config, providers, knownProviders } = parts;
  const start = createStartLogin(parts);
  const named = (name: string | undefined): Promise<Provider> => {
    const [first = ""] = config.providers.keys();
    return providers.named(name ?? knownProviders.only?.name ?? first);
  };
  return {
    async offer(name) {
      const provider = await named(name);
      const metadata = await provider.metadata();
      return {
        provider: {
          issuer: provider.config.issuer,
          authorizationEndpoint: metadata.authorization_endpoint ?? "",
        },
        providers: config.hasSeveralProviders
          ? [...config.providers.keys()]
          : [],
        defaults: defaultsOf(provider.config),
        supported: supportedBy(metadata, provider.config),
      };
    },
    async preview(req, tried) {
      const provider = await named(tried.provider);
      const options = optionsOf(tried, provider.config);
      const metadata = await provider.metadata();
      const url = await provider.preview({
        baseUrl: baseUrlOf(req, config),
        returnTo: "/",
        acrValues: options.acrValues ?? [],
        otherAcr: [],
        maxAgeSeconds: options.maxAgeSeconds,
        moreScope: options.scope ?? [],
        parameters: parametersOf(options),
      });
      return {
        url: url.href,
        fields: fields.ofParameters(url.searchParams, "query").map((field) => ({
          ...field,
          // An example of nobody's: it may be seen.
          value: url.searchParams.get(field.name) ?? field.value,
        })),
        notes: notesOn(tried, metadata, provider.config),
      };
    },
    async send(req, res, tried, returnTo) {
      const provider = await named(tried.provider);
      const options = { ...optionsOf(tried, provider.config), returnTo };
      const { watched } = parts;
      const go = (): Promise<void> =>
        start(req, res, options, tried.pushed).catch((error: unknown) => {
          answerError(parts, error, req, res, () => undefined);
        });
      await (watched.by === undefined ? go() : watched.by(req, res, go));
    },
  };
}

function defaultsOf(config: ProviderConfig): Record<string, string> {
  return {
    ...config.authorizationParameters,
    scope: config.scope,
    response_mode: config.responseMode,
  };
}

type Metadata = Awaited<ReturnType<Provider["metadata"]>>;

function supportedBy(
  metadata: Metadata,
  config: ProviderConfig,
): Offer["supported"] {
  const list = (name: string): readonly string[] => {
    const value: unknown = metadata[name];
    return Array.isArray(value)
      ? value.filter((one) => typeof one === "string")
      : [];
  };
  const prompts = list("prompt_values_supported");
  return {
    scopes: list("scopes_supported"),
    prompts: prompts.length === 0 ? PROMPTS : prompts,
    acrValues: list("acr_values_supported"),
    uiLocales: list("ui_locales_supported"),
    responseModes: list("response_modes_supported"),
    claims: list("claims_supported"),
    claimsParameter: metadata.claims_parameter_supported === true,
    resources: [...config.resourceServers.values()].flatMap(
      ({ resource }) => resource ?? [],
    ),
    pushedRequests:
      metadata.require_pushed_authorization_requests === true
        ? "required"
        : metadata.pushed_authorization_request_endpoint === undefined ||
            config.pushedAuthorizationRequests === "never"
          ? "none"
          : config.pushedAuthorizationRequests === "always"
            ? "required"
            : "offered",
  };
}

/** What is asked for in other words than those of the protocol. */
const NAMED = [
  "scope",
  "acr_values",
  "max_age",
  "login_hint",
  "prompt",
  "response_mode",
  "resource",
];

/** @throws {ConfigError} */
function optionsOf(
  { provider, parameters }: TriedRequest,
  config: ProviderConfig,
): CheckedLoginOptions {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  const values = Object.fromEntries(given);
  const own = given
    .map(([name]) => name)
    .filter((name) => isOwnParameter(name) && !NAMED.includes(name))
    .map((name) => `${name}: is set by the kit`);
  const mode = values["response_mode"] ?? config.responseMode;
  if (mode !== config.responseMode) {
    own.push(
      `response_mode: the option responseMode decides, and it is ${config.responseMode}`,
    );
  }
  if (own.length > 0) throw new ConfigError(own, "playground");
  const more = scopeBeyond(values["scope"] ?? "", config);
  const acrValues = words(values["acr_values"]);
  const { max_age: maxAge, login_hint: loginHint, prompt } = values;
  return checkedLoginOptions({
    ...(provider !== undefined && { provider }),
    ...(more.length > 0 && { scope: more }),
    ...(acrValues.length > 0 && { acrValues }),
    ...(maxAge !== undefined && { maxAgeSeconds: Number(maxAge) }),
    ...(loginHint !== undefined && { loginHint }),
    ...(prompt !== undefined && { prompt }),
    parameters: Object.fromEntries(
      given.filter(([name]) => !NAMED.includes(name)),
    ),
  });
}

/** The parameters of the request that have no option of their own. */
function parametersOf({
  loginHint,
  prompt,
  parameters,
}: CheckedLoginOptions): Record<string, string> {
  return {
    ...parameters,
    ...(loginHint !== undefined && { login_hint: loginHint }),
    ...(prompt !== undefined && { prompt }),
  };
}

function words(list = ""): string[] {
  return list.split(" ").filter(Boolean);
}

function scopeBeyond(scope: string, config: ProviderConfig): string[] {
  const configured = words(config.scope);
  return words(scope).filter((one) => !configured.includes(one));
}

function notesOn(
  { parameters, pushed }: TriedRequest,
  metadata: Metadata,
  config: ProviderConfig,
): string[] {
  const { pushedRequests } = supportedBy(metadata, config);
  const asked = words(parameters["scope"] ?? config.scope);
  const missing = words(config.scope).filter((one) => !asked.includes(one));
  const notes = [
    "state, nonce and code_challenge are examples: each login gets its own.",
  ];
  const isPushed =
    pushedRequests === "required" ||
    (pushedRequests === "offered" && pushed !== false);
  if (isPushed) {
    notes.push(
      "It is pushed: the application sends these parameters straight to the provider, and the browser carries client_id and request_uri only.",
    );
  }
  if (missing.length > 0) {
    notes.push(
      `The option scope is always asked for: ${missing.join(" ")} stays.`,
    );
  }
  return notes;
}
