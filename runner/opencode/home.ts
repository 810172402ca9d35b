import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { WORKTREE_VARIABLE, worktreeMark } from '../process/lease-mark.ts';
import { TEMPORARY_SUFFIX } from '../process/temporary-directory.ts';
import { resolveRipgrepDirectory } from './binary.ts';
import { type ConfigurationSource, configure, writeConfigurationFiles } from './configuration.ts';
import { updateLogins } from './logins.ts';

/** All processes of OpenCode and its tools have this variable, so that orphans can be found. */
export const MARKER_VARIABLE = 'OIO_AGENT_MARKER';

/** The prepared home of one agent's OpenCode server. */
export interface ServerHome {
  /** The complete environment for the server. */
  environment: Record<string, string>;
}

export interface ServerHomeOptions {
  /** The directory of the home; created with mode 0700 if missing. */
  directory: string;
  source: ConfigurationSource;
  /** The parent directory of worktrees; created if missing. */
  worktrees: string;
  marker: string;
  password: string;
  /** See `toolEnvironment`. */
  tools: Readonly<Record<string, string>>;
}

const PLUGIN_PACKAGE = { dependencies: { '@opencode-ai/plugin': '*' } };

/**
 * Creates the home's directories and files, and builds the server's environment: that of tools, and what only the
 * server needs. The shell that OpenCode runs its tools with removes the latter again.
 */
export function prepareHome(options: ServerHomeOptions): ServerHome {
  const { directory: home, tools } = options;
  const xdg = {
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_STATE_HOME: join(home, 'state'),
  };
  const temporary = temporaryDirectory(home);
  for (const path of [home, temporary, options.worktrees, ...Object.values(xdg), join(xdg.XDG_DATA_HOME, 'opencode')]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  if (options.source.kind === 'own') updateLogins(options.source.environment, xdg.XDG_DATA_HOME);
  seedPluginDirectory(join(xdg.XDG_CONFIG_HOME, 'opencode'));
  // With an empty catalogue, the first prompt is a second faster and the server needs 170 MB less memory.
  writeFileSync(join(home, 'models.json'), '{}');
  writeConfigurationFiles(home);
  // The user's own ripgrep comes first.
  const path = [tools.PATH, resolveRipgrepDirectory()].filter((directory) => directory).join(delimiter);
  const shared = {
    LANG: 'C.UTF-8',
    HOME: home,
    ...tools,
    PATH: path,
    TMPDIR: temporary,
    [MARKER_VARIABLE]: options.marker,
  };
  const own = {
    ...xdg,
    ...withoutProxy(tools),
    ...configure(options.source, home, shared.HOME),
    OPENCODE_SERVER_PASSWORD: options.password,
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_SHARE: '1',
    OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER: '1',
    OPENCODE_DISABLE_FFF: '1',
  };
  return { environment: { ...shared, ...own, SHELL: writeShell(options, Object.keys(own), shared) } };
}

/** The temporary directory of the server itself. Each lease has its own; see `makeTemporary`. */
export function temporaryDirectory(home: string): string {
  return join(home, 'tmp');
}

/** OpenCode's exceptions from the proxy: the user's, and this machine, where a model can run. */
function withoutProxy(tools: Readonly<Record<string, string>>): Record<string, string> {
  const given = [tools.NO_PROXY, tools.no_proxy].filter((list) => list);
  const list = [...given, 'localhost', '127.0.0.1', '::1'].join(',');
  return { NO_PROXY: list, no_proxy: list };
}

/** Without a lockfile that names its plugin package, OpenCode runs `npm install` at each start and ignores SIGTERM. */
function seedPluginDirectory(directory: string): void {
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  writeFileSync(join(directory, 'package.json'), JSON.stringify(PLUGIN_PACKAGE));
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages: { '': PLUGIN_PACKAGE } }));
}

/**
 * Writes the shell that tools run in: a wrapper around the real shell. It removes the server's own variables, restores
 * the values for tools that the server has replaced, marks the process with its worktree, and gives it the temporary
 * directory of the lease, again if the system has cleaned it up.
 */
function writeShell(
  { directory, worktrees }: ServerHomeOptions,
  own: string[],
  tools: Readonly<Record<string, string>>,
): string {
  const path = join(directory, 'tool-shell');
  const real = existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh';
  const [restored, removed] = [own.filter((name) => name in tools), own.filter((name) => !(name in tools))];
  const lines = [
    '#!/bin/sh',
    `unset ${removed.filter((name) => /^\w+$/.test(name)).join(' ')}`,
    ...restored.map((name) => `export ${name}=${quoted(tools[name] ?? '')}`),
    `oio_parent=${quoted(`${worktreeMark(worktrees)}/`)}`,
    'oio_name=$(pwd -P)/',
    'case "$oio_name" in "$oio_parent"*)',
    `  oio_name=\${oio_name#"$oio_parent"}`,
    `  export ${WORKTREE_VARIABLE}="$oio_parent\${oio_name%%/*}"`,
    `  if [ -f "$${WORKTREE_VARIABLE}${TEMPORARY_SUFFIX}" ]; then`,
    `    IFS= read -r oio_name < "$${WORKTREE_VARIABLE}${TEMPORARY_SUFFIX}"`,
    '    if [ -O "$oio_name" ] || mkdir -m 700 "$oio_name"; then export TMPDIR="$oio_name"; fi',
    '  fi ;;',
    'esac',
    'unset oio_parent oio_name',
    `export SHELL=${real}`,
    // Without `exec`: OpenCode waits until its limit for a command that a signal has ended, and not for an exit code.
    `${real} "$@"`,
    'exit $?',
  ];
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o755 });
  return path;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
