/** Options about the kit's pages: how they look and what language they speak. */
import * as z from "zod";
import { membersOf } from "../base/checked.js";
import { failureTexts, type LoginKitErrorCode } from "../base/failure-texts.js";
import { isLoopbackHttp } from "../base/loopback.js";
import { pageTexts, type PageTextKey } from "../base/page-texts.js";
import { parseUrl } from "../base/parse-url.js";
import { localPath } from "../base/return-to.js";
import { text } from "./option-values.js";
import type { Shape } from "./read-options.js";

/** What a page says about a failure; what is absent stays English. */
export interface FailureWords {
  readonly title?: string;
  readonly cause?: string;
  readonly remedy?: string;
}

/** What the pages say in one language, by error code or key; what is absent stays English. */
export type PageTexts = Readonly<
  Partial<Record<LoginKitErrorCode, FailureWords> & Record<PageTextKey, string>>
>;

/** How the kit's own pages look. */
export interface PageOptions {
  /** The application's name, up to 100 characters: in the title, and at the head of the page. Default none. */
  readonly name?: string;
  /**
   * A picture at the head of the page: a path below that of `baseUrl`, an https
   * or a `data:image/…` URL. Its alternative text is `name`. Default none.
   */
  readonly logo?: string;
  /**
   * A style sheet that follows the kit's own: a path below that of `baseUrl`, or
   * an https URL. The policy of the pages opens for this address and that of
   * `logo`, and for nothing else. Default none.
   *
   * @see docs/errors.md#pages-with-your-look
   */
  readonly styleSheet?: string;
  /**
   * What the pages say in other languages, by language tag such as `de` or
   * `pt-BR`: texts by error code (`title`, `cause`, `remedy`) and by key. The
   * request's `ui_locales` chooses, then its `Accept-Language`. What is not
   * translated stays English; `en` replaces that, too. Default none.
   *
   * @see docs/errors.md#pages-with-your-look
   */
  readonly texts?: Readonly<Record<string, PageTexts>>;
}

/** Options about the kit's pages. */
export interface LookOptions {
  /** How the kit's own pages look, and what language they speak. */
  readonly pages?: PageOptions;
}

/** {@link LookOptions} whose shape is right. */
export interface LookValues {
  readonly pages: PageValues;
}

interface PageValues {
  readonly name?: string | undefined;
  readonly logo?: string | undefined;
  readonly styleSheet?: string | undefined;
  readonly texts: Readonly<Record<string, PageTexts>>;
}

/** {@link PageOptions} after checking. A path has the prefix that browsers see. */
export interface PagesConfig extends PageValues {
  readonly languages: readonly string[];
}

const words = membersOf({
  title: text.exactOptional(),
  cause: text.exactOptional(),
  remedy: text.exactOptional(),
}).optional();

const texts = membersOf({
  ...namedBy(failureTexts, words),
  ...namedBy(pageTexts, text.optional()),
}) as unknown as z.ZodType<PageTexts>;

/** What they may be. */
export const lookShape: Shape<LookValues> = {
  pages: membersOf({
    name: text.max(100).optional(),
    logo: text.max(100_000).optional(),
    styleSheet: text.optional(),
    texts: z.record(z.string(), texts).default({}),
  }).prefault({}),
};

/** What they must fulfil beyond that, as lines for people; some may be missing because their shape was wrong. */
export function lookProblems({ pages }: Partial<LookValues>): string[] {
  const { logo, styleSheet, texts: languages = {} } = pages ?? {};
  const problems: string[] = [];
  if (logo !== undefined && !isAddress(logo) && !isPicture(logo)) {
    problems.push(
      "pages.logo: must be a path such as /logo.svg, an https URL, or a data:image URL",
    );
  }
  if (styleSheet !== undefined && !isAddress(styleSheet)) {
    problems.push(
      "pages.styleSheet: must be a path such as /pages.css, or an https URL",
    );
  }
  for (const tag of Object.keys(languages)) {
    if (!isLanguageTag(tag)) {
      problems.push(
        `pages.texts.${tag}: is no language tag, such as de or pt-BR`,
      );
    }
  }
  return problems;
}

/** The pages as they are from now on. */
export function pagesConfig(
  { logo, styleSheet, ...others }: PageValues,
  basePath: string,
): PagesConfig {
  const seen = (address: string): string =>
    address.startsWith("/") ? basePath + address : address;
  return {
    ...others,
    ...(logo !== undefined && { logo: seen(logo) }),
    ...(styleSheet !== undefined && { styleSheet: seen(styleSheet) }),
    languages: Object.keys(others.texts),
  };
}

function namedBy<Schema>(
  table: object,
  schema: Schema,
): Record<string, Schema> {
  return Object.fromEntries(Object.keys(table).map((name) => [name, schema]));
}

function isAddress(value: string): boolean {
  if (value.startsWith("/")) return localPath(value) !== undefined;
  const url = parseUrl(value);
  return url?.protocol === "https:" || (url && isLoopbackHttp(url)) === true;
}

function isPicture(value: string): boolean {
  return /^data:image\/[a-z+.-]+[;,]/.test(value);
}

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
