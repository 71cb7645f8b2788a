/** What of a provider's protections a login uses, why, and what would be stronger. */
import type { ServerMetadata } from "openid-client";
import { clientAuthFacts } from "../config/client-auth-facts.js";
import { isCertificate } from "../config/client-problems.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { isJarm } from "../config/provider-security-options.js";
import type { SecurityChoice } from "../telling/security-choice.js";
import type { SenderConstraint } from "./sender-constraint.js";

type Metadata = Readonly<ServerMetadata>;

/** Every choice, in one order. */
export function securityChoices(
  config: ProviderConfig,
  metadata: Metadata,
  binding: SenderConstraint,
): readonly SecurityChoice[] {
  return [
    pkce(metadata),
    pushedRequests(config, metadata),
    issuerInAnswers(metadata),
    clientAuthentication(config, metadata),
    tokenBinding(config, binding),
    signedRequests(config, metadata),
    signedAnswers(config, metadata),
  ];
}

/** All of it in one line, the weaker ones with their remedy. */
export function inOneLine(choices: readonly SecurityChoice[]): string {
  const used = choices.map(
    ({ about, chosen, why }) => `${about}: ${chosen} (${why})`,
  );
  const stronger = choices.flatMap(({ stronger: more }) => more ?? []);
  return `${used.join("; ")}. ${
    stronger.length === 0
      ? "This provider offers nothing stronger."
      : `Stronger: ${stronger.join("; ")}.`
  }`;
}

function pkce({
  code_challenge_methods_supported: methods,
}: Metadata): SecurityChoice {
  const isNamed = has(methods, "S256");
  return {
    about: "PKCE",
    chosen: "S256",
    why: isNamed ? "offered, and always sent" : "always sent",
    stronger: isNamed
      ? undefined
      : "PKCE counts where the provider checks it, and its metadata does not name S256 in code_challenge_methods_supported",
  };
}

function pushedRequests(
  { pushedAuthorizationRequests: option, securityProfile }: ProviderConfig,
  metadata: Metadata,
): SecurityChoice {
  const isOffered =
    metadata.pushed_authorization_request_endpoint !== undefined;
  const about = "pushed requests";
  if (option === "never") {
    return {
      about,
      chosen: "no",
      why: "the option pushedAuthorizationRequests is never",
      stronger: isOffered
        ? "pushedAuthorizationRequests: auto pushes them, and the provider offers it"
        : undefined,
    };
  }
  if (!isOffered) {
    return { about, chosen: "no", why: "not offered", stronger: undefined };
  }
  const isRequired = metadata.require_pushed_authorization_requests === true;
  return {
    about,
    chosen: "yes",
    why:
      securityProfile !== undefined
        ? `the option securityProfile is ${securityProfile}`
        : option === "always"
          ? "the option pushedAuthorizationRequests is always"
          : isRequired
            ? "required"
            : "offered",
    stronger: undefined,
  };
}

function issuerInAnswers(metadata: Metadata): SecurityChoice {
  const isPromised =
    metadata.authorization_response_iss_parameter_supported === true;
  return {
    about: "iss in answers",
    chosen: isPromised ? "demanded" : "compared where it comes",
    why: isPromised ? "promised" : "not promised",
    stronger: undefined,
  };
}

function clientAuthentication(
  { clientAuth }: ProviderConfig,
  { token_endpoint_auth_methods_supported: offered }: Metadata,
): SecurityChoice {
  const method =
    typeof clientAuth === "string"
      ? clientAuth
      : clientAuthFacts(clientAuth)?.method;
  const isStrong = method === "private_key_jwt" || isCertificate(method);
  const more = isStrong || method === undefined ? [] : strongerThan(offered);
  return {
    about: "client authentication",
    chosen: method ?? "a function of the application",
    why: "as the client is registered, by the option clientAuth",
    stronger: more.length === 0 ? undefined : more.join(" or "),
  };
}

function strongerThan(offered: unknown): string[] {
  return [
    ...(has(offered, "private_key_jwt")
      ? [
          "private_key_jwt needs clientAuth: PrivateKeyJwt(key), and its public key at the provider",
        ]
      : []),
    ...(has(offered, "tls_client_auth")
      ? [
          "tls_client_auth needs a certificate of the client (clientAuth, fetch)",
        ]
      : []),
  ];
}

function tokenBinding(
  config: ProviderConfig,
  { algorithm, why, stronger }: SenderConstraint,
): SecurityChoice {
  const about = "token binding";
  if (algorithm !== undefined) {
    return { about, chosen: `proofs by ${algorithm} (DPoP)`, why, stronger };
  }
  if (isCertificate(config.clientAuth)) {
    return {
      about,
      chosen: "the client's certificate",
      why: "by the option clientAuth",
      stronger: undefined,
    };
  }
  return { about, chosen: "no", why, stronger };
}

function signedRequests(
  { requestSigningKey }: ProviderConfig,
  metadata: Metadata,
): SecurityChoice {
  const isOffered =
    metadata.request_parameter_supported === true ||
    metadata.require_signed_request_object === true;
  const about = "signed requests";
  return requestSigningKey === undefined
    ? {
        about,
        chosen: "no",
        why: "the option requestSigningKey is not set",
        stronger: isOffered
          ? "signed requests (RFC 9101) need requestSigningKey, and its public key at the provider"
          : undefined,
      }
    : {
        about,
        chosen: "yes",
        why: "the option requestSigningKey is set",
        stronger: undefined,
      };
}

function signedAnswers(
  { responseMode }: ProviderConfig,
  { response_modes_supported: offered }: Metadata,
): SecurityChoice {
  const about = "signed answers";
  const mode = `${responseMode.replace(".jwt", "")}.jwt`;
  return isJarm(responseMode)
    ? {
        about,
        chosen: responseMode,
        why: "by the option responseMode",
        stronger: undefined,
      }
    : {
        about,
        chosen: "no",
        why: "by the option responseMode",
        stronger:
          has(offered, mode) || has(offered, "jwt")
            ? `signed answers (JARM) need responseMode: ${mode}`
            : undefined,
      };
}

function has(list: unknown, name: string): boolean {
  return Array.isArray(list) && list.includes(name);
}
