/** Recipes for providers that are used as a service, each against a look-alike at its public addresses. */
import { tryRecipe } from "../support/look-alikes/try-recipe.js";
import { zitadel } from "../support/look-alikes/zitadel.js";

tryRecipe("zitadel", zitadel);
