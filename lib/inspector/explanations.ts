/** What each parameter is for, and which of them are no secrets. */

/** What is said of one. */
export interface Explanation {
  readonly text: string;
  readonly specification?: string;
  /** Whether its value is shown. Default false: whatever is not known to be public is hidden. */
  readonly isPublic?: boolean;
  /** Whether its value is an address: shown without what is in its query. Default false. */
  readonly isAddress?: boolean;
}

const CORE_REQUEST = "OpenID Connect Core 3.1.2.1";
const shown = (text: string, specification?: string): Explanation => ({
  text,
  ...(specification !== undefined && { specification }),
  isPublic: true,
});
const address = (text: string, specification?: string): Explanation => ({
  ...shown(text, specification),
  isAddress: true,
});
const hidden = (text: string, specification?: string): Explanation => ({
  text,
  ...(specification !== undefined && { specification }),
});

/** Parameters of requests and answers, by name. */
export const PARAMETERS: Readonly<Record<string, Explanation>> = {
  acr_values: shown("How strongly the user is to authenticate.", CORE_REQUEST),
  acr: shown(
    "How strongly the user may have authenticated, beside acr_values.",
  ),
  audience: shown("Whom the access token is for.", "RFC 8693 2.1"),
  claims: shown(
    "Claims that are asked for one by one.",
    "OpenID Connect Core 5.5",
  ),
  client_assertion: hidden(
    "Proves who the application is, by its private key.",
    "RFC 7523 2.2",
  ),
  client_assertion_type: shown(
    "How client_assertion is to be read.",
    "RFC 7523 2.2",
  ),
  client_id: shown("What the provider calls this application.", "RFC 6749 2.2"),
  client_secret: hidden("Proves who the application is.", "RFC 6749 2.3.1"),
  code: hidden(
    "Becomes tokens, once, for whoever has the code verifier.",
    "RFC 6749 4.1.2",
  ),
  code_challenge: hidden(
    "The hash of the code verifier, which stays on the server.",
    "RFC 7636 4.2",
  ),
  code_challenge_method: shown(
    "How the hash is made: SHA-256.",
    "RFC 7636 4.3",
  ),
  code_verifier: hidden(
    "Proves that whoever brings the code has sent the request.",
    "RFC 7636 4.5",
  ),
  display: shown("How the provider shows its pages.", CORE_REQUEST),
  dpop_jkt: hidden(
    "Names the key that code and tokens are to be bound to.",
    "RFC 9449 10",
  ),
  error: shown("Why the answer is no.", "RFC 6749 4.1.2.1"),
  error_description: shown("The same, for the developer.", "RFC 6749 4.1.2.1"),
  error_uri: address("A page about it.", "RFC 6749 4.1.2.1"),
  expires_in: shown(
    "How long the access token lives, in seconds.",
    "RFC 6749 5.1",
  ),
  grant_type: shown("What is exchanged for tokens.", "RFC 6749 4.1.3"),
  id_token: hidden(
    "Who has signed in, signed by the provider. Decoded below.",
    "OpenID Connect Core 2",
  ),
  id_token_hint: hidden(
    "The ID Token of the login that ends.",
    "OpenID Connect RP-Initiated Logout 2",
  ),
  access_token: hidden("Opens resource servers for the user.", "RFC 6749 1.4"),
  refresh_token: hidden("Brings new access tokens.", "RFC 6749 1.5"),
  iss: shown("Which provider answers.", "RFC 9207 2"),
  issued_token_type: shown("What kind of token came.", "RFC 8693 2.2.1"),
  login_hint: shown("Who is expected to sign in.", CORE_REQUEST),
  logout_hint: shown(
    "Whose login ends.",
    "OpenID Connect RP-Initiated Logout 2",
  ),
  logout_token: hidden(
    "Whose login is over, signed by the provider. Decoded below.",
    "OpenID Connect Back-Channel Logout 2.4",
  ),
  max_age: shown(
    "How long ago the user may have authenticated, in seconds.",
    CORE_REQUEST,
  ),
  nonce: hidden(
    "Comes back in the ID Token, and ties it to this request.",
    CORE_REQUEST,
  ),
  not_before_policy: shown("Tokens from before this time count no more."),
  post_logout_redirect_uri: address(
    "Where the browser comes back to.",
    "OpenID Connect RP-Initiated Logout 2",
  ),
  prompt: shown("Whether and how the user is asked.", CORE_REQUEST),
  provider: shown("At which provider the user signs in."),
  redirect_uri: address(
    "Where the answer is to go: exactly as it is registered.",
    CORE_REQUEST,
  ),
  refresh_expires_in: shown("How long the refresh token lives, in seconds."),
  request: hidden("The request itself, signed.", "RFC 9101 5.1"),
  request_uri: hidden(
    "Stands for the request that was pushed.",
    "RFC 9126 2.2",
  ),
  requested_token_type: shown("What kind of token is wanted.", "RFC 8693 2.1"),
  requested_token_use: shown("That the token stands for the user."),
  resource: shown(
    "Which resource server the access token is for.",
    "RFC 8707 2",
  ),
  response: hidden("Stands for the posted answer, which waits on the server."),
  response_mode: shown(
    "How the answer comes back.",
    "OAuth 2.0 Multiple Response Types 2.1",
  ),
  response_type: shown("What is wanted: a code.", CORE_REQUEST),
  return_to: address("The page of the application where the login ends."),
  scope: shown("What is asked for. openid makes it a login.", CORE_REQUEST),
  session_state: hidden(
    "By it pages notice changes of the session at the provider.",
    "OpenID Connect Session Management 2",
  ),
  sid: hidden(
    "The session at the provider.",
    "OpenID Connect Front-Channel Logout 3",
  ),
  state: hidden(
    "Comes back unchanged, and ties the answer to this browser.",
    CORE_REQUEST,
  ),
  subject_token: hidden("The token that is exchanged.", "RFC 8693 2.1"),
  subject_token_type: shown("What kind of token is exchanged.", "RFC 8693 2.1"),
  token: hidden("The token that is revoked.", "RFC 7009 2.1"),
  token_type: shown("How the access token is used.", "RFC 6749 7.1"),
  token_type_hint: shown("What kind of token is revoked.", "RFC 7009 2.1"),
  ui_locales: shown("Languages that the user reads.", CORE_REQUEST),
};

/** Headers that are worth to be seen, by name. */
export const HEADERS: Readonly<Record<string, Explanation>> = {
  accept: shown("What kind of answer is wanted.", "RFC 9110 12.5.1"),
  authorization: hidden("Proves who asks.", "RFC 9110 11.6.2"),
  "cache-control": shown("Whether the answer may be kept.", "RFC 9111 5.2"),
  "clear-site-data": shown("What the browser is to forget."),
  "content-length": shown("How long the body is, in bytes.", "RFC 9110 8.6"),
  "content-type": shown("What the body is.", "RFC 9110 8.3"),
  dpop: hidden(
    "Proves who holds the key that the token is bound to.",
    "RFC 9449 4.1",
  ),
  "dpop-nonce": hidden(
    "What the server wants to find in the next proof.",
    "RFC 9449 8.1",
  ),
  location: shown("Where the browser is sent.", "RFC 9110 10.2.2"),
  origin: shown("Which page caused the request.", "RFC 6454 7"),
  refresh: shown("Where the browser goes on to."),
  "retry-after": shown(
    "When it is worth to ask again, in seconds.",
    "RFC 9110 10.2.3",
  ),
  "sec-fetch-mode": shown(
    "How the browser asks: navigate is a page load.",
    "Fetch Metadata 2.2",
  ),
  "sec-fetch-site": shown(
    "Whether a page of another site caused the request.",
    "Fetch Metadata 2.4",
  ),
  "user-agent": shown("Which browser or program asks.", "RFC 9110 10.1.5"),
  "www-authenticate": shown("Why the token was refused.", "RFC 6750 3"),
  "x-csrf-protection": shown("Only pages of this origin can send it."),
};
