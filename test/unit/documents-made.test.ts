/** The pages that are made say what their sources say now. */
import { readFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";

import { type Member, readInterfaces } from "../../docs/make/declarations.js";
import { makePages } from "../../docs/make/pages.js";
import { readConfig } from "../../lib/config/config.js";
import { ConfigError, type LoginKitOptions } from "../../lib/index.js";

const ROOT = path.join(import.meta.dirname, "../..");

test.each(makePages(ROOT))(
  "$file is what its sources make of it",
  ({ written, made }) => {
    const hint = "run npm run docs, and commit what it writes";
    expect({ hint, page: written }).toEqual({ hint, page: made });
  },
);

/** As few options as there can be. */
const MINIMAL = {
  issuer: "https://op.example",
  clientId: "shop",
  clientSecret: "secret",
  baseUrl: "http://127.0.0.1",
  session: { secret: "a secret of thirty-two characters" },
  resourceServers: { api: { url: "https://api.example" } },
};

const interfaces = new Map(
  [
    "application",
    "outgoing",
    "provider",
    "provider-address",
    "resource-server",
    "session",
    "telemetry",
  ].flatMap((group) => {
    const file = `lib/config/${group}-options.ts`;
    return [
      ...readInterfaces(file, readFileSync(path.join(ROOT, file), "utf8")),
    ];
  }),
);
/** The options that are values, by the names that lead to them. */
const options = [
  ...membersAt("ProviderOptions", []),
  ...membersAt("ProviderAddressOptions", []),
  ...membersAt("ApplicationOptions", []),
  ...membersAt("StoreOptions", []),
  ...membersAt("TokenOptions", []),
  ...membersAt("OutgoingOptions", []),
  ...membersAt("TelemetryOptions", []),
  ...membersAt("SessionOptions", ["session"]),
  ...membersAt("Paths", ["paths"]),
  ...membersAt("BackchannelLogoutOptions", ["backchannelLogout"]),
  ...membersAt("ResourceServerOptions", ["resourceServers", "api"]),
];

describe("the documented default", () => {
  const given = new Set(Object.keys(MINIMAL));
  const optional = options.filter(
    ({ name, isOptional }) => isOptional && !given.has(name),
  );

  test.each(optional)("of $name is the one that holds", ({ names, text }) => {
    const documented = documentedDefault(text);
    expect(documented).toBeDefined();
    if (documented?.value !== undefined) {
      expect(defaultOf(names)).toEqual(documented.value);
    }
  });
});

describe("the documented range", () => {
  const ranged = options.flatMap(({ name, names, text }) => {
    const range = documentedRange(text);
    return range === undefined ? [] : [{ name, names, ...range }];
  });

  test("is there for most numbers", () => {
    expect(ranged.length).toBeGreaterThan(5);
  });

  test.each(ranged)("of $name, $min to $max, is the one that holds", (one) => {
    const { names, min, max } = one;
    const read = (value: number) => () =>
      readConfig(optionsWith(names, value), { nodeEnv: "test" });
    expect(read(min)).not.toThrow();
    expect(read(max)).not.toThrow();
    expect(read(min - 1)).toThrow(ConfigError);
    expect(read(max + 1)).toThrow(ConfigError);
  });
});

interface Option {
  /** As the page has it. */
  readonly name: string;
  /** The names that lead to it. */
  readonly names: readonly string[];
  readonly isOptional: boolean;
  readonly text: string;
}

function membersAt(name: string, names: readonly string[]): Option[] {
  return (interfaces.get(name) ?? [])
    .filter((member) => !isMadeOfMembers(member))
    .map(({ name, isOptional, comment, type }) => ({
      name: [...names, name].join("."),
      names: [...names, name],
      isOptional: isOptional || names[0] === "paths",
      text: `${type.getText()}\n${comment.paragraphs.join(" ")}`,
    }));
}

/** Whether an option is an object whose members have defaults of their own. */
function isMadeOfMembers({ type }: Member): boolean {
  return [...interfaces.keys()].some((name) => type.getText().includes(name));
}

/** What the prose says; its value is undefined where that is nothing to compare. */
function documentedDefault(
  text: string,
): { readonly value: unknown } | undefined {
  const { code, word = "" } =
    /default:? (?:`(?<code>[^`]+)`|(?<word>\w+))/i.exec(text)?.groups ?? {};
  if (code !== undefined) {
    return { value: code.startsWith("[") ? JSON.parse(code) : code };
  }
  if (word === "") return undefined;
  if (/^\d+$/.test(word)) return { value: Number(word) };
  const words: Readonly<Record<string, unknown>> = {
    true: true,
    false: false,
    none: [],
    never: [],
  };
  return { value: words[word] };
}

/** From and to; "up to 60" begins with what is more than nothing. */
function documentedRange(
  text: string,
): { readonly min: number; readonly max: number } | undefined {
  if (!text.startsWith("number\n")) return undefined;
  const { min = "1", max } =
    /(?:(?<min>\d+) to|up to) (?<max>\d+)/.exec(text)?.groups ?? {};
  return max === undefined ? undefined : { min: Number(min), max: Number(max) };
}

/** What holds where an option is left out; nothing is an empty list, whatever its form. */
function defaultOf(names: readonly string[]): unknown {
  const { keyPrefix, resourceServers, ...config } = readConfig(MINIMAL, {
    nodeEnv: "test",
  });
  const value = names.reduce<unknown>(
    (within, name) => (within as Record<string, unknown>)[name],
    {
      ...config.providers.get("default"),
      ...config,
      // Behind the option comes a part of the kit's own.
      redisKeyPrefix: keyPrefix.replace(/[\w-]+:$/, ""),
      resourceServers: Object.fromEntries(resourceServers),
    },
  );
  if (value === undefined) return [];
  if (value instanceof Set) return [...(value as Set<unknown>)];
  return typeof value === "object" && value !== null
    ? Object.values(value)
    : value;
}

function optionsWith(
  [first = "", ...others]: readonly string[],
  value: number,
): LoginKitOptions {
  const given = new Map<string, unknown>(Object.entries(MINIMAL));
  const [second, third] = others;
  if (second === undefined) given.set(first, value);
  else if (third === undefined) {
    given.set(first, { ...(given.get(first) as object), [second]: value });
  } else {
    given.set(first, {
      [second]: { ...MINIMAL.resourceServers.api, [third]: value },
    });
  }
  return Object.fromEntries(given) as unknown as LoginKitOptions;
}
