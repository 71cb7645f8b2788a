/** Revokes the tokens of logins that ended, without making anybody wait long. */
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import { isIssuerOf } from "../config/issuers.js";
import type { Provider } from "../provider/provider.js";
import type { LoginKitEmitter, LoginSubject } from "../telling/events.js";
import type { TokenSet } from "../stores/login-store.js";
import type { Providers } from "../provider/providers.js";

/** How long a sign-out waits for the revocation. */
const WAIT_MS = 2000;

/** How long the revocation of one login may take when nobody waits. Each of its requests has a limit of its own. */
const LATER_WITHIN_MS = 20_000;

/** How many logins are revoked at the same time; the provider has other work. */
const AT_ONCE = 4;

/** Revocation of what is already gone here. */
export interface Revocation {
  /** Revokes, and waits for it as long as a user would. Never rejects. */
  now: (subject: LoginSubject, tokens: TokenSet) => Promise<void>;
  /** Revokes when there is time. */
  later: (subject: LoginSubject, tokens: TokenSet) => void;
  /** Resolves when nothing is left to be revoked. Never rejects. */
  settled: () => Promise<void>;
}

/** Creates the revocation; what fails is told as `token.revocation_failed`. */
export function createRevocation(
  providers: Providers,
  events: LoginKitEmitter,
): Revocation {
  const waiting: (() => Promise<void>)[] = [];
  const underWay = new Set<Promise<void>>();
  let busy = 0;

  const revoke = async (
    subject: LoginSubject,
    tokens: TokenSet,
    withinMs: number,
  ): Promise<void> => {
    try {
      await withinDeadline(
        providerOf(subject, providers).then((provider) =>
          provider.revoke(tokens),
        ),
        withinMs,
        () =>
          new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
            message: "the revocation takes too long",
          }),
      );
    } catch (error) {
      if (error instanceof LoginKitError) {
        const { code } = error;
        events.emit("token.revocation_failed", { ...subject, code });
      } else if (error instanceof Error) {
        // The login is over; this must not fail who ended it.
        events.emit("error", error);
      }
    }
  };
  const work = async (): Promise<void> => {
    if (busy === AT_ONCE) return;
    busy += 1;
    for (let next = waiting.shift(); next; next = waiting.shift()) await next();
    busy -= 1;
  };

  const track = (begun: Promise<void>): Promise<void> => {
    const done = begun.finally(() => underWay.delete(done));
    underWay.add(done);
    return done;
  };

  return {
    now: (subject, tokens) => track(revoke(subject, tokens, WAIT_MS)),
    later(subject, tokens) {
      waiting.push(() => revoke(subject, tokens, LATER_WITHIN_MS));
      void track(work());
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

/**
 * The provider that issued the tokens. Under its name there may be another one
 * by now, to which they are nobody's business.
 */
async function providerOf(
  { provider: name, issuer }: LoginSubject,
  providers: Providers,
): Promise<Provider> {
  const provider = await providers.named(name);
  const { config } = provider;
  if (issuer === config.issuer || isIssuerOf(config, issuer)) return provider;
  throw new LoginKitError("ERR_ISSUER_MISMATCH", {
    message: `the provider ${name} has another issuer than the one that issued the tokens`,
  });
}
