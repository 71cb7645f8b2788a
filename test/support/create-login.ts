/** A live login, put straight into a store. */
import type {
  LoginRecord,
  LoginStore,
  TokenOrigin,
  TokenSet,
} from "../../lib/stores/login-store.js";

/** How many logins the user has then; undefined: a logout came in between. */
export async function createLogin(
  store: LoginStore,
  id: string,
  login: LoginRecord,
  tokens: TokenSet,
  origin: TokenOrigin,
): Promise<number | undefined> {
  const count = await store.createLogin(id, login, tokens, origin);
  if (count === undefined) return undefined;
  return (await store.activateLogin(id, login)) ? count : undefined;
}
