/** Renews a token of a login once for all who want it. */
import type { Ground } from "../config/ground.js";
import type { IssuedToken } from "../stores/login-store.js";
import {
  goodToken,
  nameOf,
  readTokens,
  type WantedToken,
} from "./login-tokens.js";
import type { Rejections } from "./rejections.js";
import type { RenewToken } from "./renewal.js";
import type { RenewOnce } from "./renew-once.js";
import { isFresh } from "./token-life.js";

/**
 * Renews the wanted token, or gives the one that somebody else has renewed.
 *
 * @param subject is exchanged for it; absent: the refresh token is used
 * @param isPatient whether to wait while another process renews
 */
export type RenewShared = (
  wanted: WantedToken,
  subject: IssuedToken | undefined,
  isPatient: boolean,
) => Promise<IssuedToken>;

/** Creates the function. */
export function createSharedRenewal(
  { config, loginStore, now }: Ground,
  renewOnce: RenewOnce,
  renewToken: RenewToken,
  rejections: Rejections,
): RenewShared {
  return function renewShared(wanted, subject, isPatient) {
    const { login, server, rejected } = wanted;
    const name = nameOf(wanted);
    return renewOnce({
      id: login.id,
      // Who holds a refused token must not share in a look that finds it fresh.
      shared: rejected === undefined ? name : `${name}\trejected`,
      look: async () => {
        const basis = await readTokens(loginStore, login);
        const ready = goodToken(basis, wanted, (token) =>
          isFresh(token, config, now()),
        );
        return { ready, basis };
      },
      renew: async (stored) => {
        const token = await renewToken(login, server, subject, stored);
        if (rejected !== undefined) rejections.note(name);
        return token;
      },
      waitSeconds: isPatient ? login.provider.providerTimeoutSeconds : 0,
    });
  };
}
