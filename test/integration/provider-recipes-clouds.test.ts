/** Recipes for providers that are used as a service, each against a look-alike at its public addresses. */
import { auth0, auth0OlderLogout } from "../support/look-alikes/auth0.js";
import { cognito } from "../support/look-alikes/cognito.js";
import { google } from "../support/look-alikes/google.js";
import {
  azureB2c,
  entraAnyTenant,
  entraExternalId,
  entraOneTenant,
  entraSomeTenants,
} from "../support/look-alikes/microsoft.js";
import {
  oktaCustomServer,
  oktaOrganization,
} from "../support/look-alikes/okta.js";
import { tryRecipe } from "../support/look-alikes/try-recipe.js";
import { zitadel } from "../support/look-alikes/zitadel.js";

tryRecipe("zitadel", zitadel);
tryRecipe("entra, one tenant", entraOneTenant);
tryRecipe("entra, some tenants", entraSomeTenants);
tryRecipe("entra, any tenant that a function accepts", entraAnyTenant);
tryRecipe("entraExternalId", entraExternalId);
tryRecipe("azureB2c", azureB2c);
tryRecipe("auth0", auth0);
tryRecipe("auth0, the older logout", auth0OlderLogout);
tryRecipe("okta, a custom authorization server", oktaCustomServer);
tryRecipe("okta, the organization's, with a key", oktaOrganization);
tryRecipe("google", google);
tryRecipe("cognito", cognito);
