/** What is told about each failure, by its code. */

/** What is told about a failure, to people and in problem+json. */
export interface FailureText {
  /** HTTP status. */
  readonly status: number;
  readonly title: string;
  readonly cause: string;
  readonly remedy: string;
}

/**
 * The table of codes. A code never changes its meaning.
 *
 * `npm run docs` makes the codes of docs/errors.md of these rows.
 */
const rows = {
  // Setting up

  ERR_CONFIG: {
    status: 500,
    title: "This application is not set up correctly",
    cause:
      "createLoginKit, a guard or another function of the kit was called with options that cannot work.",
    remedy: "Correct every problem that the message lists, then start again.",
  },
  ERR_RESOURCE_NOT_ALLOWED: {
    status: 500,
    title: "This resource server is not configured",
    cause:
      "A token was asked for a name or URL outside the option resourceServers.",
    remedy: "Add the server to resourceServers, or correct the name or URL.",
  },
  ERR_BODY_ALREADY_READ: {
    status: 500,
    title: "This application is not set up correctly",
    cause:
      "A body parser has read the request before kit.forward, so there is nothing left to pass on.",
    remedy:
      "Write app.use(..., kit.forward(...)) before app.use(express.json()) and other body parsers, or mount those only on the paths that need them.",
  },
  ERR_RESOURCE_OF_OTHER_PROVIDER: {
    status: 403,
    title: "This API is not for you",
    cause:
      "The resource server is for users of other providers: its option providers does not name the user's.",
    remedy:
      "Sign in at a provider whose users may use it, or name the provider in resourceServers.",
  },

  // Requests that are refused

  ERR_LOGIN_REQUIRED: {
    status: 401,
    title: "Please sign in",
    cause: "The request carries no live login.",
    remedy: "Send the browser to login_url, then repeat the request.",
  },
  ERR_STRONGER_LOGIN_REQUIRED: {
    status: 401,
    title: "Please confirm that it is you",
    cause: "The login is too old or not strong enough for this address.",
    remedy:
      "Send the browser to login_url; it asks the provider for what is missing.",
  },
  ERR_MORE_SCOPE_REQUIRED: {
    status: 401,
    title: "Your consent is needed",
    cause: "The login was not granted the scope that this address needs.",
    remedy:
      "Send the browser to login_url; it asks the provider for what is missing.",
  },
  ERR_PERMISSION_MISSING: {
    status: 403,
    title: "You may not do that",
    cause:
      "The login is valid, but it does not have the claims, roles or scope that this address needs.",
    remedy:
      "Ask whoever runs this application for the permission; then sign out and sign in again.",
  },
  ERR_CROSS_SITE_REQUEST: {
    status: 403,
    title: "This request did not come from our own pages",
    cause:
      "Another site may have caused the request: Sec-Fetch-Site is not same-origin, or Origin is foreign, or without both the header x-csrf-protection is missing.",
    remedy:
      "Send it from a page of this application. A client that is not a browser adds the header x-csrf-protection: 1.",
  },
  ERR_FORM_NOT_KEPT: {
    status: 401,
    title: "Please sign in, and send the form again",
    cause:
      "The request carries no live login, or not a sufficient one, and the form could not be kept: it has files, is longer than 16 KB, or was read by a body parser before the guard.",
    remedy:
      "Go back to the form and keep what you filled in, sign in, then send it again.",
  },
  ERR_KEPT_FORM_GONE: {
    status: 410,
    title: "There is nothing to send here any more",
    cause:
      "The form was sent or dropped before, waited too long, or was filled in with another browser.",
    remedy: "Open the form in the application, and fill it in again.",
  },
  ERR_HOST_UNKNOWN: {
    status: 421,
    title: "This application is not at this address",
    cause: "The request is for a host that the option baseUrl does not name.",
    remedy:
      "Open the application under one of its addresses. Behind a proxy that changes Host, set Express's trust proxy, and let the proxy send X-Forwarded-Host.",
  },
  ERR_METHOD_NOT_ALLOWED: {
    status: 405,
    title: "This address does not take that method",
    cause: "The address was called with an HTTP method it does not serve.",
    remedy: "Use a method that the Allow header names.",
  },

  // Starting a login

  ERR_RETURN_TO_INVALID: {
    status: 400,
    title: "The page to return to is not one of ours",
    cause: "return_to is not a path on this application.",
    remedy:
      "Send a path that starts with one slash, for example /orders?page=2.",
  },
  ERR_LOGIN_PARAMETER_INVALID: {
    status: 400,
    title: "The sign-in address is malformed",
    cause:
      "A parameter of the login address is repeated, too long, or not allowed in this combination.",
    remedy: "Send each parameter once, as short text.",
  },
  ERR_PROVIDER_UNKNOWN: {
    status: 400,
    title: "There is no such provider here",
    cause:
      "The address, or the function chooseProvider, names a provider that neither the option providers nor findProvider knows.",
    remedy: "Go back to the application, and choose where to sign in.",
  },
  ERR_DISCOVERY_INVALID: {
    status: 503,
    title: "Sign-in is not available right now",
    cause:
      "The provider's metadata is not usable: another issuer, a redirect, not JSON, or an endpoint without https.",
    remedy:
      "Set the option issuer to exactly the issuer that the provider publishes; the error's message names both.",
  },
  ERR_PROVIDER_UNAVAILABLE: {
    status: 503,
    title: "Sign-in is not available right now",
    cause: "The provider could not be reached, took too long, or is unwell.",
    remedy: "Try again in a moment. Nothing needs a restart.",
  },

  // Finishing a login

  ERR_CALLBACK_MALFORMED: {
    status: 400,
    title: "The provider's answer is malformed",
    cause:
      "The authorization response has no state, lacks both code and error, or repeats a parameter.",
    remedy:
      "Sign in again. If it happens again, look at what the provider sends.",
  },
  ERR_TRANSACTION_NOT_FOUND: {
    status: 400,
    title: "This sign-in was not started in this browser",
    cause:
      "The browser sent no cookie for this sign-in, and is not signed in: it was completed before, it was started in another browser or under another host name, it took too long, or cookies are blocked.",
    remedy:
      "Sign in again. If it happens every time, open the application under its baseUrl and allow its cookies.",
  },
  ERR_TRANSACTION_EXPIRED: {
    status: 400,
    title: "This sign-in took too long",
    cause: "More time passed at the provider than a sign-in may take.",
    remedy: "Sign in again.",
  },
  ERR_TRANSACTION_USED: {
    status: 400,
    title: "This sign-in was already used",
    cause:
      "The provider's answer was used more than a minute ago or its login has ended since, or the application's processes do not share one store.",
    remedy:
      "Sign in again. With several processes, give all of them the same Redis.",
  },
  ERR_LOGIN_LOOP: {
    status: 429,
    title: "Signing in goes round in circles",
    cause:
      "This browser came back from the sign-in three times within a minute, and was not signed in afterwards: it seems to lose its session cookie.",
    remedy:
      "Allow cookies for this site and try again in a minute. If you run this application, look for login.failed in its log: it says what came along.",
  },
  ERR_ISSUER_MISMATCH: {
    status: 400,
    title: "The answer came from another provider",
    cause:
      "The iss parameter of the authorization response is missing or is not the issuer that was asked (RFC 9207).",
    remedy:
      "Sign in again. If it happens again, compare the option issuer with the provider's metadata.",
  },
  ERR_ACCESS_DENIED: {
    status: 403,
    title: "Sign-in was cancelled",
    cause: "The user or the provider refused (access_denied).",
    remedy: "Sign in again and agree to what the provider asks.",
  },
  ERR_AUTHORIZATION_FAILED: {
    status: 400,
    title: "The provider could not sign you in",
    cause: "The provider answered the authorization request with an error.",
    remedy:
      "Sign in again. The field oauth_error says what the provider named.",
  },
  ERR_SIGN_IN_FAILED: {
    status: 500,
    title: "Signing in did not work",
    cause:
      "Something failed in the application that the login kit did not expect.",
    remedy:
      "Sign in again. If it happens again, look at the error's cause in the application's log; the application's own session middleware has to be express-session.",
  },
  ERR_TOKEN_REQUEST_REJECTED: {
    status: 502,
    title: "The provider refused a token",
    cause:
      "The token endpoint refused the request: a code, a resource, a scope or a grant that this client may not use.",
    remedy:
      "Sign in again. If it happens every time, compare redirect URI, resources, scopes and grants with the provider's registration.",
  },
  ERR_TOKEN_RESPONSE_INVALID: {
    status: 502,
    title: "The provider's answer is malformed",
    cause:
      "The token endpoint or the revocation endpoint answered something else than the standard says: a wrong token_type, expires_in, scope or access_token, no JSON, or a redirect.",
    remedy:
      "The error's message names what is wrong. Try again; if it happens again, tell the provider's operator.",
  },
  ERR_CLIENT_AUTHENTICATION: {
    status: 502,
    title: "The provider does not accept this application",
    cause: "The token endpoint answered invalid_client or unauthorized_client.",
    remedy:
      "Check clientId and clientSecret, then try the other clientAuth: client_secret_basic or client_secret_post. With PrivateKeyJwt or ClientSecretJwt check the key and the option audience.",
  },
  ERR_ID_TOKEN_INVALID: {
    status: 502,
    title: "The provider's answer cannot be trusted",
    cause:
      "The ID Token is missing, or failed a check (signature, issuer, audience, time, nonce).",
    remedy:
      "The error's message and cause name the check. Compare issuer, clientId, idTokenSigningAlg and the clocks.",
  },
  ERR_AUTHENTICATION_TOO_WEAK: {
    status: 403,
    title: "The sign-in was not strong enough",
    cause:
      "The provider signed the user in, but not with the acr or the auth_time that was asked for.",
    remedy:
      "Sign in again with a stronger method, or ask for an acr that the provider knows. Where the provider answers with a stronger acr, name it in the option acrOrder or in the guard's rule.",
  },
  ERR_USERINFO_INVALID: {
    status: 502,
    title: "The provider's user information cannot be trusted",
    cause:
      "The UserInfo response failed a check; most often its sub is not the ID Token's.",
    remedy: "Sign in again. If it happens again, tell the provider's operator.",
  },
  ERR_LOGIN_REFUSED: {
    status: 403,
    title: "You cannot sign in here",
    cause:
      "The provider signed the user in, and this application refused (onLogin).",
    remedy: "Sign in as somebody else, or ask whoever runs this application.",
  },
  ERR_LOGIN_HOOK_FAILED: {
    status: 500,
    title: "Signing in did not work",
    cause:
      "The application's own function onLogin or onLogout failed, took longer than hookTimeoutSeconds, or gave a result that is not understood; after onLogin nobody is signed in.",
    remedy:
      "Sign in again. If it happens again, look at the error's message and cause in the application's log, and correct the function.",
  },
  ERR_LOGGED_OUT_MEANWHILE: {
    status: 401,
    title: "You were signed out",
    cause:
      "While this sign-in was being completed, the user was signed out everywhere or at the provider.",
    remedy: "Sign in again.",
  },

  // Logout at the provider

  ERR_LOGOUT_PARAMETERS_INVALID: {
    status: 500,
    title: "The sign-out at the provider could not be prepared",
    cause:
      "The function logoutParameters threw, or returned something else than an object of texts; the user is signed out here and did not go to the provider.",
    remedy: "Correct the function; the error's message says what it did.",
  },

  // Logout that the provider tells of

  ERR_LOGOUT_TOKEN_INVALID: {
    status: 400,
    title: "This Logout Token is not valid",
    cause:
      "The Logout Token failed a check (Back-Channel Logout 2.6), was used before, or the request is not a form with one logout_token.",
    remedy:
      "The error's message names the check. Compare issuer, clientId, idTokenSigningAlg, backchannelLogout and the clocks.",
  },
  ERR_LOGOUT_REQUEST_INVALID: {
    status: 400,
    title: "This sign-out notice is not valid",
    cause:
      "A front-channel logout came without iss and sid, or with the issuer of another provider; nothing was ended.",
    remedy:
      "Register the application with frontchannel_logout_session_required, so that the provider sends both.",
  },
  ERR_TOO_MANY_REQUESTS: {
    status: 429,
    title: "Too many requests",
    cause:
      "Too many Logout Tokens named keys that the provider does not publish, or one login has too many forwarded requests at the same time.",
    remedy: "Repeat the request after the time that Retry-After names.",
  },

  // Tokens and resource servers

  ERR_REFRESH_REJECTED: {
    status: 401,
    title: "Please sign in again",
    cause: "The provider no longer accepts the refresh token; the login ended.",
    remedy: "Send the browser to login_url, then repeat the request.",
  },
  ERR_NO_ACCESS_TOKEN: {
    status: 401,
    title: "Please sign in again",
    cause:
      "There is no valid access token for this resource server and no refresh token to get one.",
    remedy:
      "Sign in again. To keep tokens alive, add offline_access to the option scope (many providers also want prompt=consent).",
  },
  ERR_ACCESS_TOKEN_REJECTED: {
    status: 401,
    title: "Please sign in again",
    cause:
      "The resource server does not accept the user's access token (invalid_token), and a new one did not help or could not be had.",
    remedy:
      "Sign in again. If it happens every time, compare resource and scope in resourceServers with what the resource server expects.",
  },
  ERR_INSUFFICIENT_SCOPE: {
    status: 403,
    title: "You may not do that",
    cause:
      "The resource server wants a scope that the user's access token does not have (insufficient_scope).",
    remedy:
      "Add the scope that the field scope names to the option scope, and to the resource server's own scope, then sign in again.",
  },
  ERR_FORWARD_TARGET_INVALID: {
    status: 400,
    title: "This address cannot be forwarded",
    cause:
      "Servers could read the path in different ways (dot segments, semicolons, encoded letters or slashes, backslashes, empty segments, invisible characters), or the query has an access_token of its own.",
    remedy:
      "Send a plain path below the forwarded address, and put into the query what a path cannot hold. The resource server's options allowSemicolonsInPaths and allowEncodedSlashesInPaths allow semicolons and encoded slashes.",
  },
  ERR_DESTINATION_NOT_ALLOWED: {
    status: 403,
    title: "This address is data, not a part of a page",
    cause:
      "The browser would run the answer as code, or show it as a part of a page: Sec-Fetch-Dest is script, style, worker, a frame or the like.",
    remedy:
      "Load it with fetch. Or name the destination in the option destinations of kit.forward, if the resource server's answers may run in your pages.",
  },
  ERR_FORWARD_REQUEST_INVALID: {
    status: 400,
    title: "This request cannot be forwarded",
    cause:
      "Connection names a header that is not for one connection only, the body has a transfer coding other than chunked, or a request for a WebSocket is none or has a body.",
    remedy:
      "Send the request as browsers do. A proxy in front must not add names to Connection but those of its own.",
  },
  ERR_REQUEST_TIMEOUT: {
    status: 408,
    title: "The request did not arrive in time",
    cause: "The sender stopped in the middle of the request's body.",
    remedy:
      "Send it again. For forwarded uploads over slow connections, raise timeoutSeconds of the resource server.",
  },
  ERR_RESOURCE_UNAVAILABLE: {
    status: 502,
    title: "The resource server cannot be reached",
    cause: "The connection to the resource server failed or broke.",
    remedy: "Try again in a moment.",
  },
  ERR_RESOURCE_TIMEOUT: {
    status: 504,
    title: "The resource server took too long",
    cause: "The resource server did not answer within its time limit.",
    remedy: "Try again in a moment, or raise timeoutSeconds of that server.",
  },

  // The login store

  ERR_STORE_UNAVAILABLE: {
    status: 503,
    title: "The service is not available right now",
    cause: "The login store (Redis) could not be reached or took too long.",
    remedy: "Try again in a moment. Nothing needs a restart.",
  },
};

/** Every code a `LoginKitError` can have. */
export type LoginKitErrorCode = keyof typeof rows;

/**
 * The closed list of failures. `status` is the HTTP status a handler answers
 * with, `cause` says what happened, `remedy` what to do about it.
 */
export const failureTexts: Readonly<Record<LoginKitErrorCode, FailureText>> =
  rows;
