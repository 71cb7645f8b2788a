/** Which of several providers a sign-in uses: the address says it, the application, or the user. */
import escapeHtml from "escape-html";
import type { Request, Response } from "express";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import type { Config } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { sendPage } from "../http/page.js";

/**
 * The name of the provider to sign in with: by the address, or as the
 * application chooses; undefined: the user has to say.
 *
 * @param named what the address says
 * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE` where `chooseProvider` fails, `ERR_CONFIG` where it gives something else
 */
export async function providerNameFor(
  req: Request,
  named: string | undefined,
  { config, knownProviders }: Pick<Ground, "config" | "knownProviders">,
): Promise<string | undefined> {
  if (knownProviders.only !== undefined) return knownProviders.only.name;
  if (named !== undefined) return named;
  const chosen = await chosenFor(req, config);
  if (chosen === undefined || typeof chosen === "string") return chosen;
  throw new ConfigError(
    ["chooseProvider: must give the name of a provider, or undefined"],
    "kit.login",
  );
}

async function chosenFor(
  req: Request,
  { chooseProvider }: Config,
): Promise<unknown> {
  try {
    return await chooseProvider?.(req);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
      message: `the function chooseProvider failed: ${printable(reason)}`,
      cause: error,
    });
  }
}

/**
 * Lets the user choose, on the application's page or on a plain one.
 *
 * @throws {LoginKitError} `ERR_PROVIDER_UNKNOWN` where there is no list to show
 */
export function askForProvider(
  res: Response,
  query: URLSearchParams,
  config: Config,
): void {
  const { providerChoicePath, providers, paths } = config;
  res.set({ "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
  // It is empty: only one that names somebody may be added.
  query.delete("provider");
  if (providerChoicePath !== undefined) {
    const begins = providerChoicePath.includes("?") ? "&" : "?";
    const more = query.size === 0 ? "" : begins + query.toString();
    res.redirect(303, providerChoicePath + more);
    return;
  }
  if (providers.size === 0) {
    throw new LoginKitError("ERR_PROVIDER_UNKNOWN", {
      message:
        "the address names no provider, and there is no list to show: set chooseProvider or providerChoicePath",
    });
  }
  const links = [...providers.values()].map(({ name, label }) => {
    const chosen = new URLSearchParams([["provider", name], ...query]);
    const address = `${paths.login}?${chosen.toString()}`;
    return `<p><a class="action" href="${escapeHtml(address)}">${escapeHtml(label)}</a></p>`;
  });
  sendPage(res, config, (say) => ({
    title: say("provider-choice.title"),
    content: `<p>${say("provider-choice.text")}</p>\n${links.join("\n")}`,
  }));
}
