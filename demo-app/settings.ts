/** Reads environment variables one by one, and notes what is wrong with them. */

/** Typed access to the environment; an empty variable counts as absent. */
export interface Settings {
  readonly text: (name: string) => string | undefined;
  /** https, or http on a loopback address. */
  readonly url: (name: string) => string | undefined;
  /** Such a URL without path, and without a slash at its end. */
  readonly origin: (name: string) => string | undefined;
  readonly redisUrl: (name: string) => string | undefined;
  readonly port: (name: string) => number | undefined;
  /** `true` or `false`; false when it is absent. */
  readonly flag: (name: string) => boolean;
  /** Notes one more problem. */
  readonly refuse: (problem: string) => void;
  /** Everything that was wrong so far. */
  readonly problems: readonly string[];
}

/** Creates the access to `env`. */
export function createSettings(env: NodeJS.ProcessEnv): Settings {
  const problems: string[] = [];

  function refuse(problem: string): void {
    problems.push(problem);
  }

  function text(name: string): string | undefined {
    const value = env[name]?.trim();
    return value === "" ? undefined : value;
  }

  function url(name: string): string | undefined {
    const value = text(name);
    if (value !== undefined && !isSafeUrl(value)) {
      refuse(
        `${name}=${value} is not usable: it must be https, or http on localhost`,
      );
    }
    return value;
  }

  function origin(name: string): string | undefined {
    const value = url(name)?.replace(/\/$/, "");
    if (value === undefined || !isSafeUrl(value)) return value;
    if (new URL(value).origin !== value) {
      refuse(
        `${name}=${value} must be an origin, such as https://shop.example`,
      );
    }
    return value;
  }

  function redisUrl(name: string): string | undefined {
    const value = text(name);
    // The value may hold a password, so it is not repeated.
    if (value !== undefined && !/^rediss?:\/\/./.test(value)) {
      refuse(`${name} must look like redis://localhost:6379`);
    }
    return value;
  }

  function port(name: string): number | undefined {
    const value = text(name);
    if (value === undefined) return undefined;
    const number = /^\d+$/.test(value) ? Number(value) : 0;
    if (number >= 1 && number <= 65_535) return number;
    refuse(`${name}=${value} is not a port (1 to 65535)`);
    return undefined;
  }

  function flag(name: string): boolean {
    const value = text(name) ?? "false";
    if (value !== "true" && value !== "false") {
      refuse(`${name}=${value} must be true or false`);
    }
    return value === "true";
  }

  return { text, url, origin, redisUrl, port, flag, refuse, problems };
}

function isSafeUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return protocol === "https:" || (protocol === "http:" && isLoopback);
}
