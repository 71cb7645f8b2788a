/** The one table of what is sent in a login, and between whom: what log, inspector, doctor and documents call it. */

/** Who takes part. */
export type Party = "user" | "browser" | "app" | "provider" | "resource";

/** Who takes part, in the order in which they are drawn. */
export const PARTIES: Readonly<Record<Party, string>> = {
  user: "User",
  browser: "Browser",
  app: "Client App",
  provider: "Auth Server",
  resource: "Resource Server",
};

/** What is sent; its answer has the same name. */
export interface Message {
  readonly title: string;
  readonly from: Party;
  readonly to: Party;
  /** What it is for, in a sentence that needs no other. */
  readonly text: string;
  readonly specification?: string;
}

/** What is sent. */
export type MessageName =
  | "page-request"
  | "login-request"
  | "initiate-login"
  | "authorization-request"
  | "pushed-authorization-request"
  | "authorization-response"
  | "callback"
  | "discovery"
  | "keys"
  | "token-request"
  | "refresh-request"
  | "token-exchange"
  | "client-credentials"
  | "userinfo-request"
  | "revocation-request"
  | "resource-request"
  | "logout-request"
  | "end-session-request"
  | "end-session-response"
  | "logged-out"
  | "backchannel-logout"
  | "frontchannel-logout";

/** What is sent, by its name. */
export const MESSAGES: Readonly<Record<MessageName, Message>> = {
  "page-request": {
    title: "Request to the application",
    from: "browser",
    to: "app",
    text: "The browser asks for something that a guard protects; it brings its session cookie, if it has one.",
  },
  "login-request": {
    title: "Login",
    from: "browser",
    to: "app",
    text: "The application makes state, nonce and a code verifier, keeps them sealed on the server, and sends the browser to the provider.",
    specification: "OpenID Connect Core 3.1.2.1",
  },
  "initiate-login": {
    title: "Login started elsewhere",
    from: "browser",
    to: "app",
    text: "The provider or a portal asks the application to start a login.",
    specification: "OpenID Connect Core 4",
  },
  "authorization-request": {
    title: "Authentication Request",
    from: "browser",
    to: "provider",
    text: "Carried by the browser: who asks, for what, and where the answer is to go.",
    specification: "OpenID Connect Core 3.1.2.1",
  },
  "pushed-authorization-request": {
    title: "Pushed Authorization Request",
    from: "app",
    to: "provider",
    text: "The Authentication Request goes straight to the provider; the browser carries only a reference to it.",
    specification: "RFC 9126 2.1",
  },
  "authorization-response": {
    title: "Authentication Response",
    from: "provider",
    to: "browser",
    text: "The provider sends the browser back to the application, with a code or with an error.",
    specification: "OpenID Connect Core 3.1.2.5",
  },
  callback: {
    title: "Callback",
    from: "browser",
    to: "app",
    text: "The browser brings the provider's answer to the application.",
    specification: "OpenID Connect Core 3.1.2.5",
  },
  discovery: {
    title: "Provider metadata",
    from: "app",
    to: "provider",
    text: "Where the provider's endpoints are, and what it supports.",
    specification: "OpenID Connect Discovery 4",
  },
  keys: {
    title: "Provider keys",
    from: "app",
    to: "provider",
    text: "The public keys by which the provider's signatures are checked.",
    specification: "RFC 7517 5",
  },
  "token-request": {
    title: "Token Request",
    from: "app",
    to: "provider",
    text: "The code and the code verifier become tokens. The browser has no part in it.",
    specification: "OpenID Connect Core 3.1.3.1",
  },
  "refresh-request": {
    title: "Refresh",
    from: "app",
    to: "provider",
    text: "A new access token, by the refresh token: once, for all requests that wait for it.",
    specification: "RFC 6749 6",
  },
  "token-exchange": {
    title: "Token Exchange",
    from: "app",
    to: "provider",
    text: "The user's access token becomes one for another resource server.",
    specification: "RFC 8693 2.1",
  },
  "client-credentials": {
    title: "Token of the application itself",
    from: "app",
    to: "provider",
    text: "An access token that belongs to no user.",
    specification: "RFC 6749 4.4",
  },
  "userinfo-request": {
    title: "UserInfo",
    from: "app",
    to: "provider",
    text: "More claims about the user.",
    specification: "OpenID Connect Core 5.3",
  },
  "revocation-request": {
    title: "Revocation",
    from: "app",
    to: "provider",
    text: "The tokens of a login that is over become worthless.",
    specification: "RFC 7009 2.1",
  },
  "resource-request": {
    title: "Call with the access token",
    from: "app",
    to: "resource",
    text: "The application calls the resource server for the user, with the access token.",
    specification: "RFC 6750 2.1",
  },
  "logout-request": {
    title: "Logout",
    from: "browser",
    to: "app",
    text: "The login ends here, and the browser goes on to the provider, to end its own.",
    specification: "OpenID Connect RP-Initiated Logout 2",
  },
  "end-session-request": {
    title: "Logout at the provider",
    from: "browser",
    to: "provider",
    text: "Carried by the browser: the provider ends its own session with the user.",
    specification: "OpenID Connect RP-Initiated Logout 2",
  },
  "end-session-response": {
    title: "Logged out at the provider",
    from: "provider",
    to: "browser",
    text: "The provider sends the browser back to the application.",
    specification: "OpenID Connect RP-Initiated Logout 3",
  },
  "logged-out": {
    title: "Back from the provider",
    from: "browser",
    to: "app",
    text: "The logout at the provider is over.",
    specification: "OpenID Connect RP-Initiated Logout 3",
  },
  "backchannel-logout": {
    title: "Back-channel logout",
    from: "provider",
    to: "app",
    text: "The provider says, by a signed Logout Token, that a user's session there is over.",
    specification: "OpenID Connect Back-Channel Logout 2.5",
  },
  "frontchannel-logout": {
    title: "Front-channel logout",
    from: "browser",
    to: "app",
    text: "A frame in the provider's page says that the user's session there is over.",
    specification: "OpenID Connect Front-Channel Logout 2",
  },
};

/** The flow, as it is told to somebody who sees it for the first time: nine steps. */
export const STEPS: readonly {
  readonly title: string;
  readonly text: string;
  readonly messages: readonly MessageName[];
}[] = [
  {
    title: "You ask for a page that needs a login",
    text: "The Client App, here a shop, does not know you: your browser brings no cookie of a login. So it sends your browser to its login address.",
    messages: ["page-request"],
  },
  {
    title: "The app prepares three secrets for this one login",
    text: "By state and nonce it will recognise the answer; by the code verifier it will prove that it was the one who asked. Only a hash of the verifier leaves the server.",
    messages: [
      "login-request",
      "initiate-login",
      "pushed-authorization-request",
    ],
  },
  {
    title: "Your browser carries the request to the Auth Server",
    text: "The Auth Server is where you have your account. The request says which app asks (client_id), for what (scope), and where the answer goes (redirect_uri).",
    messages: ["authorization-request"],
  },
  {
    title: "You sign in there, and agree",
    text: "The Auth Server asks who you are, and whether this app may know it. What you prove it with, such as a password, never reaches the app.",
    messages: [],
  },
  {
    title: "Your browser brings a code back to the app",
    text: "The code is a voucher for one use, and worthless without the code verifier. The app compares state: was it this browser that began this login?",
    messages: ["authorization-response", "callback"],
  },
  {
    title: "The app trades the code for tokens",
    text: "From server to server, not by your browser: code and verifier go; an ID Token (who you are), an access token (for an API) and a refresh token (for new ones) come.",
    messages: ["token-request"],
  },
  {
    title: "The app checks the ID Token, and knows who you are",
    text: "Is it signed by this Auth Server, meant for this app, still valid, with the right nonce? Then your browser gets a cookie: a random value that names your login, and says nothing else.",
    messages: ["keys", "userinfo-request"],
  },
  {
    title: "The app calls an API for you",
    text: "It adds the access token and asks the Resource Server, here for your orders. Your browser never has the token. Before it expires, the app gets a new one with the refresh token.",
    messages: ["resource-request", "refresh-request", "token-exchange"],
  },
  {
    title: "You sign out",
    text: "The app ends your login and makes its tokens worthless; the Auth Server ends its own session with you. If you sign out there first, it tells the app.",
    messages: [
      "logout-request",
      "end-session-request",
      "end-session-response",
      "logged-out",
      "revocation-request",
      "backchannel-logout",
      "frontchannel-logout",
    ],
  },
];
