import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DEFER_MCP_PLUGIN, deferMcpServers } from './deferred-mcp.ts';

/** The source of OpenCode's configuration. */
export type ConfigurationSource =
  /** Only this configuration: no project files, no model catalogue, no network except the configured provider. */
  | { kind: 'given'; config: Record<string, unknown> }
  /** The user's own configuration file, stored credentials and provider keys, as found through `environment`. */
  | { kind: 'own'; environment: Readonly<Record<string, string | undefined>> };

/** Provider keys that OpenCode's catalogue reads, and other variables that the providers' SDKs need. */
const PROVIDER_VARIABLE =
  /_API_KEY$|_API_TOKEN$|^(AWS|AZURE|GOOGLE|VERTEX|CLOUDFLARE|SAP|AICORE|GITLAB|OPENAI|ANTHROPIC|GEMINI|HF)_/;
const ENVIRONMENT_REFERENCE = /\{env:([^}]+)\}/g;
const HOME_REFERENCE = /\{file:~(?=[\\/])/g;

/** Settings that override the user's. Snapshots are not needed, since git diffs the work. */
const ENFORCED = { autoupdate: false, share: 'disabled', snapshot: false };

/**
 * The variables that a source adds to the server's environment. They can hold keys, so tools do not get them.
 *
 * @param home the server's home
 * @param userHome the user's home, to which `{file:~/…}` in a configuration refers
 */
export function configure(source: ConfigurationSource, home: string, userHome: string): Record<string, string> {
  return source.kind === 'given'
    ? givenConfiguration(source.config, home, userHome)
    : ownConfiguration(source.environment, home);
}

/** Writes the files that the configuration names. */
export function writeConfigurationFiles(home: string): void {
  writeFileSync(pluginPath(home), DEFER_MCP_PLUGIN);
}

function pluginPath(home: string): string {
  return join(home, 'defer-mcp-servers.js');
}

/** The server gets a separate home, because OpenCode also reads configuration from the user's home. */
function givenConfiguration(config: Record<string, unknown>, home: string, userHome: string): Record<string, string> {
  const given = structuredClone(config);
  deferMcpServers(given);
  const content = JSON.stringify({ ...given, ...ENFORCED });
  return {
    HOME: home,
    OPENCODE_CONFIG_CONTENT: content.replaceAll(HOME_REFERENCE, () => `{file:${JSON.stringify(userHome).slice(1, -1)}`),
    OPENCODE_MODELS_PATH: join(home, 'models.json'),
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_PROJECT_CONFIG: '1',
    OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
    OPENCODE_DISABLE_CLAUDE_CODE: '1',
    OPENCODE_DISABLE_EXTERNAL_SKILLS: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_PURE: '1',
  };
}

function ownConfiguration(
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): Record<string, string> {
  // OpenCode adds plugins to those of the user's configuration.
  const content = { ...ENFORCED, plugin: [pathToFileURL(pluginPath(home)).href] };
  const variables: Record<string, string> = { OPENCODE_CONFIG_CONTENT: JSON.stringify(content) };
  const file = findConfigurationFile(environment);
  if (file !== null) variables.OPENCODE_CONFIG = file;
  const wanted = new Set(file === null ? [] : referencedVariables(file));
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (wanted.has(name) || PROVIDER_VARIABLE.test(name))) variables[name] = value;
  }
  return variables;
}

function findConfigurationFile(environment: Readonly<Record<string, string | undefined>>): string | null {
  const userHome = environment.HOME ?? environment.USERPROFILE ?? '';
  const directory = join(environment.XDG_CONFIG_HOME ?? join(userHome, '.config'), 'opencode');
  const candidates = [environment.OPENCODE_CONFIG, join(directory, 'opencode.jsonc'), join(directory, 'opencode.json')];
  return candidates.find((path) => path !== undefined && existsSync(path)) ?? null;
}

function referencedVariables(file: string): string[] {
  return Array.from(readFileSync(file, 'utf8').matchAll(ENVIRONMENT_REFERENCE), (match) => match[1] ?? '');
}
