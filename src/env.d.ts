/**
 * The variables and secrets of the Worker. The bindings are generated from wrangler.toml (`npm run types`); these are
 * set per deployment, so the configuration does not name them.
 */
interface __BaseEnv_Env {
  /** `kid:secret[,kid:secret…]`: the keys that verify tokens; the first one signs. */
  OIO_SIGNING_KEYS?: string;
  /** Admin token of the workspace `default`, at least 32 characters. */
  OIO_TOKEN?: string;
  /** Origins allowed to call from a browser, separated by commas. */
  OIO_CORS_ORIGINS?: string;
  /** How long a lease lives without a sign of life, in seconds; 60 when absent. */
  OIO_LEASE_TTL_SECONDS?: string;
  OIO_LOG_LEVEL?: string;
  DATABASE_URL?: string;
  /** Where Neon's HTTP protocol is served, when it is not Neon itself. */
  NEON_FETCH_ENDPOINT?: string;
  UPSTASH_REDIS_REST_URL?: string;
  UPSTASH_REDIS_REST_TOKEN?: string;
}
