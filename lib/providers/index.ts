/** Recipes: the options of providers by name. */
export {
  zitadel,
  type ZitadelOptions,
  type ZitadelParameters,
} from "./zitadel.js";
