/** Client authentication that sends no secret, for the option `clientAuth`. */
export { ClientSecretJwt, None, PrivateKeyJwt } from "openid-client";
