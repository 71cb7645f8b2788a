/** The modules of each certification plan that the tests run, by the suite's names. */

/** The Form Post RP plan has them as well. */
const BASIC = [
  "oidcc-client-test",
  "oidcc-client-test-invalid-iss",
  "oidcc-client-test-missing-sub",
  "oidcc-client-test-invalid-aud",
  "oidcc-client-test-missing-iat",
  "oidcc-client-test-kid-absent-single-jwks",
  "oidcc-client-test-kid-absent-multiple-jwks",
  "oidcc-client-test-idtoken-sig-rs256",
  "oidcc-client-test-idtoken-sig-none",
  "oidcc-client-test-invalid-sig-rs256",
  "oidcc-client-test-userinfo-invalid-sub",
  "oidcc-client-test-nonce-invalid",
  "oidcc-client-test-scope-userinfo-claims",
  "oidcc-client-test-client-secret-basic",
];

/** What the names of the FAPI 2.0 modules begin with. */
const FAPI2 = "fapi2-security-profile-final-client-test-";

/** @type {Readonly<Record<string, readonly string[]>>} */
export const PLANS = {
  "Basic RP": BASIC,
  "Config RP": [
    "oidcc-client-test-discovery-openid-config",
    "oidcc-client-test-discovery-jwks-uri-keys",
    "oidcc-client-test-discovery-issuer-mismatch",
    "oidcc-client-test-idtoken-sig-none",
    "oidcc-client-test-signing-key-rotation-just-before-signing",
    "oidcc-client-test-signing-key-rotation",
  ],
  "Form Post RP (basic)": BASIC,
  "third-party": ["oidcc-client-test-3rd-party-init-login"],
  "RP-initiated": [
    "oidcc-client-test-rp-init-logout",
    "oidcc-client-test-rp-init-logout-other-state",
    "oidcc-client-test-rp-init-logout-no-state",
  ],
  "back-channel": [
    "oidcc-client-test-rp-backchannel-rpinitlogout",
    "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none",
    "oidcc-client-test-rp-backchannel-rpinitlogout-no-event",
    "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
  ],
  "front-channel": ["oidcc-client-test-rp-frontchannel-rpinitlogout"],
  "FAPI 2.0 (private_key_jwt, OpenID Connect)": [
    "happy-path",
    "happy-path-no-dpop-nonce",
    "discovery-issuer-mismatch",
    "invalid-iss",
    "invalid-missing-iss",
    "invalid-aud",
    "invalid-missing-aud",
    "invalid-secondary-aud",
    "valid-aud-as-array",
    "invalid-null-alg",
    "invalid-alternate-alg",
    "invalid-expired-exp",
    "invalid-missing-exp",
    "invalid-nonce",
    "invalid-missing-nonce",
    "invalid-authorization-response-iss",
    "remove-authorization-response-iss",
    "ensure-authorization-response-with-invalid-state-fails",
    "ensure-authorization-response-with-invalid-missing-state-fails",
    "token-endpoint-response-without-expires_in",
    "token-type-case-insensitivity",
    "rs-dpop-auth-scheme-case-insensitivity",
  ].map((module) => `${FAPI2}${module}`),
  "FAPI 2.0 Message Signing (JARM)": [
    "ensure-jarm-without-iss-fails",
    "ensure-jarm-with-invalid-iss-fails",
    "ensure-jarm-without-aud-fails",
    "ensure-jarm-with-invalid-aud-fails",
    "ensure-jarm-without-exp-fails",
    "ensure-jarm-with-expired-exp-fails",
    "ensure-jarm-with-invalid-sig-fails",
    "ensure-jarm-signature-is-not-none",
  ].map((module) => `${FAPI2}${module}`),
  refresh: [
    "oidcc-client-test-refresh-token",
    "oidcc-client-test-refresh-token-invalid-issuer",
    "oidcc-client-test-refresh-token-invalid-sub",
  ],
};
