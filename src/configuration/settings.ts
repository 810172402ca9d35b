import {
  amount,
  httpUrl,
  type Kind,
  oneOf,
  origins,
  postgresUrl,
  redisUrl,
  secret,
  signingKeys,
  text,
  wholeNumber,
} from './kinds.ts';

/**
 * Who reads a setting.
 *
 * - `worker`: the Worker, on Cloudflare and on workerd
 * - `object`: the Durable Objects
 * - `launcher`: `npm start` and `npm run demo`, which also pass the Worker's settings to the Worker
 * - `postgres`: the launcher's Postgres process
 * - `redis`: the launcher's process before a Redis server
 * - `agent`: `oio agent`
 * - `cli`: the other commands
 */
export type Reader = 'worker' | 'object' | 'launcher' | 'postgres' | 'redis' | 'agent' | 'cli';

interface Setting<T> {
  readonly readers: readonly Reader[];
  readonly kind: Kind<T>;
  /** Describes the setting in a phrase for a table, without a full stop. */
  readonly summary: string;
  /** A value as a user would write it; for a secret, a command that creates one. */
  readonly example: string;
  /** The text that applies if the variable is not set. */
  readonly default?: string;
  /** Describes what happens if the variable is not set and has no `default`. */
  readonly otherwise?: string;
  /** If true, a start without the variable fails. */
  readonly required?: true;
  /** If true, no message, log or page shows the value, and no agent's model sees it. */
  readonly secret?: true;
  /** If true, the launcher sets the variable for the processes that it starts, and users do not. */
  readonly internal?: true;
}

/** Infers the literal types of an entry, so that `NamesOf` and `ValueOf` can read its readers and its default. */
function define<T, const S extends Omit<Setting<T>, 'kind'>>(
  kind: Kind<T>,
  setting: S,
): S & { readonly kind: Kind<T> } {
  return { ...setting, kind };
}

/**
 * Every environment variable that this project reads, in the README's order. The Worker's environment type, the
 * variables that the launcher passes to workerd, the README's table, the help texts and the error messages derive from
 * this table. To add a setting, add an entry here and the code that uses it.
 */
export const SETTINGS = {
  PORT: define(wholeNumber({ min: 0, max: 65_535 }), {
    readers: ['launcher'],
    summary: 'port on loopback; 0 chooses a free one',
    example: '8080',
    default: '8787',
  }),
  OIO_DATA_DIR: define(text('a directory'), {
    readers: ['launcher', 'agent', 'cli'],
    summary: 'directory of objects, database, secrets and logs',
    example: '/var/lib/oio',
    otherwise: '`./.oio` if it exists, else `oio` in the user’s state directory, such as `~/.local/state`',
  }),
  OIO_TOKEN: define(secret, {
    readers: ['worker', 'launcher', 'agent', 'cli'],
    summary: 'admin token of the default workspace; for a command, the token that it uses',
    example: '$(openssl rand -hex 32)',
    otherwise: 'generated and stored with mode 0600',
    secret: true,
  }),
  OIO_SIGNING_KEYS: define(signingKeys, {
    readers: ['worker', 'launcher'],
    summary: 'keys that sign tokens; the first one signs, all verify',
    example: 'k1:$(openssl rand -hex 32)',
    otherwise: 'generated and stored with mode 0600',
    required: true,
    secret: true,
  }),
  DATABASE_URL: define(postgresUrl, {
    readers: ['worker', 'object', 'launcher', 'postgres'],
    summary: 'a Postgres server; on Cloudflare, a Neon database',
    example: 'postgres://user:password@localhost:5432/oio',
    otherwise: 'an embedded Postgres; on Cloudflare, none',
    secret: true,
  }),
  REDIS_URL: define(redisUrl, {
    readers: ['launcher', 'redis'],
    summary: 'a Redis server, for copies of contexts',
    example: 'redis://localhost:6379',
    otherwise: 'none',
    secret: true,
  }),
  UPSTASH_REDIS_REST_URL: define(httpUrl, {
    readers: ['worker', 'object'],
    summary: 'a Redis with Upstash’s REST API',
    example: 'https://example.upstash.io',
    otherwise: 'none',
  }),
  UPSTASH_REDIS_REST_TOKEN: define(text('a token'), {
    readers: ['worker', 'object'],
    summary: 'token of the Redis at `UPSTASH_REDIS_REST_URL`',
    example: 'AX…',
    otherwise: 'none',
    secret: true,
  }),
  OIO_LOG_LEVEL: define(oneOf('debug', 'info', 'warn', 'error'), {
    readers: ['worker', 'object'],
    summary: 'the lowest level that the Worker logs',
    example: 'debug',
    default: 'info',
  }),
  OIO_CORS_ORIGINS: define(origins, {
    readers: ['worker'],
    summary: 'origins that may call the API from a browser',
    example: 'https://dashboard.example,http://localhost:5173',
    otherwise: 'only its own origin',
  }),
  OIO_LEASE_TTL_SECONDS: define(wholeNumber({ min: 5, max: 3_600 }), {
    readers: ['object', 'worker'],
    summary:
      'how long an agent may be silent before it loses its work to another agent; below 45, a slow reconnect can lose it',
    example: '60',
    default: '60',
  }),
  NEON_FETCH_ENDPOINT: define(httpUrl, {
    readers: ['worker', 'object'],
    summary: 'a server of Neon’s HTTP protocol, in place of Neon’s own',
    example: 'http://127.0.0.1:4444/sql',
    otherwise: 'Neon',
    internal: true,
  }),
  OIO_URL: define(httpUrl, {
    readers: ['agent', 'cli'],
    summary: 'the control plane that a command talks to',
    example: 'https://oio.example',
    otherwise: 'the one that serves the data directory',
  }),
  OIO_AGENT_TOKEN: define(text('a token'), {
    readers: ['agent'],
    summary: 'token of role `agent`',
    example: `$(npm run --silent oio -- token --role agent --name build-1)`,
    otherwise: '`OIO_TOKEN`',
    secret: true,
  }),
  OPENCODE_CONFIG: define(text('a file'), {
    readers: ['agent'],
    summary: 'OpenCode’s own variable: the configuration that the agent works with',
    example: '/home/me/opencode.json',
    otherwise: '`opencode.jsonc` or `opencode.json` in `~/.config/opencode`',
  }),
  OIO_MAX_TURNS: define(wholeNumber({ min: 1, max: 1_000 }), {
    readers: ['agent'],
    summary: 'model calls in one run of a session; the calls of sub-agents and of all attempts count',
    example: '200',
    default: '1000',
  }),
  OIO_MAX_COST_USD: define(amount({ min: 0.01, max: 10_000 }), {
    readers: ['agent'],
    summary: 'cost of one run of a session in US dollars, at OpenCode’s prices',
    example: '5',
    otherwise: 'no limit',
  }),
  OIO_MAX_COMPACTIONS: define(wholeNumber({ min: 1, max: 100 }), {
    readers: ['agent'],
    summary: 'consecutive compactions of a conversation',
    example: '5',
    default: '5',
  }),
  OIO_MAX_EMPTY_ANSWERS: define(wholeNumber({ min: 1, max: 100 }), {
    readers: ['agent'],
    summary: 'consecutive empty or incomplete answers of a model',
    example: '5',
    default: '5',
  }),
  OIO_MAX_RETRIES: define(wholeNumber({ min: 1, max: 100 }), {
    readers: ['agent'],
    summary: 'consecutive failed model calls',
    example: '10',
    default: '10',
  }),
  OIO_MAX_RETRY_WAIT_SECONDS: define(wholeNumber({ min: 1, max: 86_400 }), {
    readers: ['agent'],
    summary: 'longest wait before a failed model call is repeated; a provider can ask for days',
    example: '600',
    default: '600',
  }),
  OIO_MAX_SILENCE_SECONDS: define(wholeNumber({ min: 10, max: 3_600 }), {
    readers: ['agent'],
    summary: 'longest time without output of a model; the agent then repeats the call once',
    example: '600',
    default: '600',
  }),
  OIO_LOG_FORMAT: define(oneOf('text', 'json'), {
    readers: ['agent'],
    summary: 'format of the agent’s log: for people, or for the launcher’s log',
    example: 'json',
    default: 'text',
    internal: true,
  }),
  OIO_AGENT_MARKER: define(text('a marker'), {
    readers: ['agent'],
    summary: 'marks the processes of an agent’s OpenCode, so that the agent finds orphans',
    example: 'oio-1f2e',
    internal: true,
  }),
  OIO_WORKTREE: define(text('a path'), {
    readers: ['agent'],
    summary: 'marks the processes of a lease with its worktree, so that the agent ends them with the lease',
    example: '/home/me/.local/state/oio/agents/a/worktrees/t-1',
    internal: true,
  }),
  OIO_RUN: define(text('an id'), {
    readers: ['agent'],
    summary: 'marks the processes of a check or a set-up, so that the agent ends them with it',
    example: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
    internal: true,
  }),
  OIO_POSTGRES_DIRECTORY: define(text('a directory'), {
    readers: ['postgres'],
    summary: 'directory of the embedded Postgres',
    example: '/var/lib/oio/postgres',
    internal: true,
  }),
  OIO_POSTGRES_PORT: define(wholeNumber({ min: 1, max: 65_535 }), {
    readers: ['postgres'],
    summary: 'port of the endpoint that serves Neon’s protocol',
    example: '4444',
    internal: true,
  }),
  OIO_POSTGRES_PASSWORD: define(text('a password'), {
    readers: ['postgres'],
    summary: 'password of the endpoint that serves Neon’s protocol, new at each start',
    example: '$(openssl rand -hex 32)',
    secret: true,
    internal: true,
  }),
  OIO_REDIS_PORT: define(wholeNumber({ min: 1, max: 65_535 }), {
    readers: ['redis'],
    summary: 'port of the endpoint that serves Upstash’s protocol',
    example: '4445',
    internal: true,
  }),
  OIO_REDIS_TOKEN: define(text('a token'), {
    readers: ['redis'],
    summary: 'token of the endpoint that serves Upstash’s protocol, new at each start',
    example: '$(openssl rand -hex 32)',
    secret: true,
    internal: true,
  }),
} as const satisfies Record<string, Setting<unknown>>;

type Table = typeof SETTINGS;
export type SettingName = keyof Table;

/** The names of the settings that a reader reads. */
export type NamesOf<R extends Reader> = {
  [N in SettingName]: R extends Table[N]['readers'][number] ? N : never;
}[SettingName];

/** The type of a setting's value. It includes undefined unless the setting has a default or is required. */
export type ValueOf<N extends SettingName> =
  | (Table[N]['kind'] extends Kind<infer T> ? T : never)
  | (Table[N] extends { default: string } | { required: true } ? never : undefined);

/** The table's entry for a setting. */
export function settingOf(name: SettingName): Setting<unknown> {
  return SETTINGS[name];
}

/** The names of the settings that at least one of the readers reads, in the table's order. */
export function namesOf<R extends Reader>(...readers: R[]): NamesOf<R>[] {
  const isRead = (name: SettingName) => settingOf(name).readers.some((reader) => readers.includes(reader as R));
  return (Object.keys(SETTINGS) as SettingName[]).filter((name): name is NamesOf<R> => isRead(name));
}
