/** What `redisClient` is told: where Redis is, and how it is reached. */

/** Certificates or a key, in PEM. */
type Pem = string | Buffer;

/** TLS to Redis: any member switches it on, `tls: true` or another. */
export interface RedisTls {
  /** Encrypts, as `rediss:` in a URL does. */
  readonly tls?: true;
  /** The certificate authorities to trust, in PEM, instead of Node's own. */
  readonly ca?: Pem | Pem[];
  /** The client's certificate in PEM, for a Redis that asks for one (`tls-auth-clients`). */
  readonly cert?: Pem;
  /** The private key of `cert`, in PEM. */
  readonly key?: Pem;
  /** Opens `key` where that is encrypted. */
  readonly passphrase?: string;
  /** The name that must be in Redis' certificate. Default: the host that is connected to. For a Cluster or Sentinel that tells addresses instead of names. */
  readonly servername?: string;
}

/** Credentials and TLS of a kind of servers. */
export interface RedisAccess {
  /** Default: Redis' own default user. */
  readonly username?: string;
  readonly password?: string;
  readonly socket?: RedisTls;
}

/** Where Redis is. Credentials and TLS go into the URL (`rediss://user:password@host:port`) or `options`. */
export type RedisLocation =
  | { readonly url: string }
  | {
      readonly sentinel: {
        /** The name under which the sentinels watch the primary. */
        readonly name: string;
        readonly nodes: readonly {
          readonly host: string;
          readonly port: number;
        }[];
        /** Credentials and TLS of the Sentinels themselves. Default: none. */
        readonly options?: RedisAccess;
      };
    }
  | {
      readonly cluster: {
        /** URLs of some of the nodes; the others are found through them, and reached with the same user, password and scheme. */
        readonly urls: readonly string[];
      };
    };

/** Options of {@link redisClient}. */
export type RedisConnectionOptions = RedisLocation & {
  /**
   * Credentials and TLS of the servers that hold the data. Credentials in a URL
   * win. With `socket`, URLs begin with `rediss://`.
   */
  readonly options?: RedisAccess;
  /** Told about connection errors. Default: `console.warn`, at most once in 10 seconds. */
  readonly onError?: (error: Error) => void;
  /** How long to wait for the first connection before going on without it, 0 to 300 seconds. Default 2. */
  readonly connectSeconds?: number;
};
