/** Client authentication without a shared secret, for the option `clientAuth`. */
export { ClientSecretJwt, PrivateKeyJwt } from "openid-client";
