import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { updateLogins } from './logins.ts';

/** The source of OpenCode's configuration. */
export type ConfigurationSource =
  /** Only this configuration: no project files, no model catalogue, no network except the configured provider. */
  | { kind: 'given'; config: Record<string, unknown> }
  /** The user's own configuration file, stored credentials and provider keys, as found through `environment`. */
  | { kind: 'own'; environment: Readonly<Record<string, string | undefined>> };

/** What a source adds to the server's environment. Tool processes do not get the variables named in `secrets`. */
export interface Configuration {
  variables: Record<string, string>;
  secrets: string[];
  /** `HOME` for tools: the user's home with the user's configuration; null for the server's home. */
  toolHome: string | null;
}

/** Provider keys that OpenCode's catalogue reads, and other variables that the providers' SDKs need. */
const PROVIDER_VARIABLE =
  /_API_KEY$|_API_TOKEN$|^(AWS|AZURE|GOOGLE|VERTEX|CLOUDFLARE|SAP|AICORE|GITLAB|OPENAI|ANTHROPIC|GEMINI|HF)_|^(HTTPS?|NO)_PROXY$|^NODE_EXTRA_CA_CERTS$/;
const ENVIRONMENT_REFERENCE = /\{env:([^}]+)\}/g;

/** Settings that override the user's. Snapshots are not needed, since git diffs the work. */
const ENFORCED = { autoupdate: false, share: 'disabled', snapshot: false };

/** @param dataHome the server's `XDG_DATA_HOME`, into which stored credentials are copied */
export function configure(source: ConfigurationSource, home: string, dataHome: string): Configuration {
  return source.kind === 'given'
    ? givenConfiguration(source.config, home)
    : ownConfiguration(source.environment, dataHome);
}

function givenConfiguration(config: Record<string, unknown>, home: string): Configuration {
  return {
    variables: {
      OPENCODE_CONFIG_CONTENT: JSON.stringify({ ...config, ...ENFORCED }),
      OPENCODE_MODELS_PATH: join(home, 'models.json'),
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_PROJECT_CONFIG: '1',
      OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
      OPENCODE_DISABLE_CLAUDE_CODE: '1',
      OPENCODE_DISABLE_EXTERNAL_SKILLS: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
      OPENCODE_PURE: '1',
    },
    secrets: ['OPENCODE_CONFIG_CONTENT'],
    toolHome: null,
  };
}

function ownConfiguration(environment: Readonly<Record<string, string | undefined>>, dataHome: string): Configuration {
  const userHome = environment.HOME ?? environment.USERPROFILE ?? '';
  updateLogins(environment, dataHome);
  const variables: Record<string, string> = { OPENCODE_CONFIG_CONTENT: JSON.stringify(ENFORCED) };
  const file = findConfigurationFile(environment, userHome);
  if (file !== null) variables.OPENCODE_CONFIG = file;
  const wanted = new Set(file === null ? [] : referencedVariables(file));
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (wanted.has(name) || PROVIDER_VARIABLE.test(name))) variables[name] = value;
  }
  return { variables, secrets: Object.keys(variables), toolHome: userHome || null };
}

function findConfigurationFile(
  environment: Readonly<Record<string, string | undefined>>,
  userHome: string,
): string | null {
  const directory = join(environment.XDG_CONFIG_HOME ?? join(userHome, '.config'), 'opencode');
  const candidates = [environment.OPENCODE_CONFIG, join(directory, 'opencode.jsonc'), join(directory, 'opencode.json')];
  return candidates.find((path) => path !== undefined && existsSync(path)) ?? null;
}

function referencedVariables(file: string): string[] {
  return Array.from(readFileSync(file, 'utf8').matchAll(ENVIRONMENT_REFERENCE), (match) => match[1] ?? '');
}

/** `PATH`, preceded by the directories that OpenCode's tools need. */
export function searchPath(path: string | undefined, ...directories: (string | null)[]): string {
  return [...directories.filter((directory) => directory !== null), path ?? '/usr/local/bin:/usr/bin:/bin'].join(
    delimiter,
  );
}
