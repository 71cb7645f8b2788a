/** Compresses what records and tokens say, with the words that most of them have. */
import { deflateRawSync, inflateRawSync } from "node:zlib";

/**
 * Words of our records, and of claims as providers write them. A text that has
 * one of them refers to it here. What is most frequent comes last: nearer is
 * smaller.
 *
 * Part of the format: with another dictionary nothing opens that was written
 * with this one.
 */
const DICTIONARY = Buffer.from(
  [
    `"session_state":"","sessionState":"","unverifiedUser":{"device":{"userAgent":"Mozilla/5.0 (","address":"`,
    `"claimsAt":17,"data":{"state":{"refusedScope":"newestIdToken":["type":"DPoP","cnf":{"jkt":"`,
    `"resource_access":{"account":{"roles":["manage-account","manage-account-links","view-profile"]}}`,
    `"realm_access":{"roles":["default-roles-","offline_access","uma_authorization"]},"allowed-origins":["https://"]`,
    `"picture":"https://lh3.googleusercontent.com/a/","website":"","zoneinfo":"Europe/","locale":"en-GB","updated_at":17`,
    `"phone_number":"+","phone_number_verified":false,"https://login.microsoftonline.com//v2.0","oid":"","tid":"","uti":"","rh":"","ver":"2.0"`,
    `"hd":"","groups":["/"],"amr":["pwd","mfa","otp"],"acr":"urn:","acr":"1","acr":"0","at_hash":"","c_hash":"","s_hash":""`,
    `"nickname":"","given_name":"","family_name":"","preferred_username":"","email":"@gmail.com","email_verified":true`,
    `{"alg":"PS256","alg":"ES256","typ":"at+jwt","alg":"HS512","typ":"Refresh","typ":"ID","typ":"Bearer"`,
    `"azp":"","client_id":"","jti":"","nonce":"","aud":["https://","account"],"exp":17,"iat":17,"auth_time":17,"sid":"`,
    `https://.example.com.orghttps://auth.https://id.https://login.https://accounts./oauth2/.com/realms/`,
    `{"version":2,"identity":{"provider":"default","claims":{"iss":"https://","sub":"","auth_time":17,"name":"","email":"","email_verified":true},"providerSessionId":"","authenticatedAt":17},"createdAt":17,"endsAt":17,"scope":"openid profile email offline_access"}`,
    `{"idToken":[256,"refreshToken":[43],"accessTokens":{"":{"receivedAt":17,"expiresAt":17,"scope":"openid profile email","value":[256,`,
    `{"alg":"RS256","typ":"JWT","kid":"","alg":"RS256","typ":"JWT","kid":"`,
  ].join(","),
);

/** Texts of a few kilobytes need no more, and setting up more takes longer than compressing them. */
const SMALL = { windowBits: 13, memLevel: 6 };

/** First byte of what is compressed here. That of JSON is another. */
const COMPRESSED = 1;

/**
 * Compresses a text that holds no secret: its length tells of it, also of what
 * somebody else has put into it.
 */
export function compress(text: string): Buffer {
  return Buffer.concat([
    Buffer.from([COMPRESSED]),
    deflateRawSync(text, { ...SMALL, dictionary: DICTIONARY }),
  ]);
}

/**
 * The other way round. A text that is not compressed is given back as it is.
 *
 * @param maxBytes of the text: damage cannot make us allocate more
 * @throws what zlib throws for damaged bytes
 */
export function decompress(bytes: Buffer, maxBytes: number): string {
  if (bytes[0] !== COMPRESSED) return bytes.toString();
  const options = { dictionary: DICTIONARY, maxOutputLength: maxBytes };
  return inflateRawSync(bytes.subarray(1), options).toString();
}
