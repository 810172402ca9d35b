import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveRipgrepDirectory } from './binary.ts';
import { type ConfigurationSource, configure, searchPath } from './configuration.ts';

/** Every process of the agent, and every process of its tools, carries this variable: so orphans are found. */
export const MARKER_VARIABLE = 'OIO_AGENT_MARKER';

/** The home of one agent's OpenCode server: its directories, and the whole environment it is started with. */
export interface ServerHome {
  environment: Record<string, string>;
}

export interface ServerHomeOptions {
  /** Directory of the home; created with mode 0700 when missing. */
  directory: string;
  source: ConfigurationSource;
  marker: string;
  password: string;
  /** The `PATH` in which tools find their programs. */
  path: string | undefined;
}

const PLUGIN_PACKAGE = { dependencies: { '@opencode-ai/plugin': '*' } };

/**
 * Prepares the home. The environment is built from nothing: what is not put in here is not there, and what OpenCode
 * needs but its tools must not see is removed again by the shell that it runs them with.
 */
export function prepareHome(options: ServerHomeOptions): ServerHome {
  const { directory: home } = options;
  const xdg = {
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_STATE_HOME: join(home, 'state'),
    TMPDIR: join(home, 'tmp'),
  };
  for (const path of [home, ...Object.values(xdg), join(xdg.XDG_DATA_HOME, 'opencode')]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  seedPluginDirectory(join(xdg.XDG_CONFIG_HOME, 'opencode'));
  // An empty catalogue makes the first prompt a second quicker and the server 170 MB smaller.
  writeFileSync(join(home, 'models.json'), '{}');
  const configuration = configure(options.source, home, xdg.XDG_DATA_HOME);
  const shell = writeShell(home, [...configuration.secrets, 'OPENCODE_SERVER_PASSWORD'], configuration.toolHome);
  return {
    environment: {
      PATH: searchPath(options.path, resolveRipgrepDirectory()),
      LANG: 'C.UTF-8',
      HOME: home,
      SHELL: shell,
      ...xdg,
      ...configuration.variables,
      OPENCODE_SERVER_PASSWORD: options.password,
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_SHARE: '1',
      OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER: '1',
      OPENCODE_DISABLE_FFF: '1',
      [MARKER_VARIABLE]: options.marker,
    },
  };
}

/** Without a lockfile that names its plugin package, OpenCode runs `npm install` at every start and ignores SIGTERM. */
function seedPluginDirectory(directory: string): void {
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  writeFileSync(join(directory, 'package.json'), JSON.stringify(PLUGIN_PACKAGE));
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages: { '': PLUGIN_PACKAGE } }));
}

/** Writes the shell that tools run under: the same shell, without the variables that are not theirs to see. */
function writeShell(home: string, secrets: string[], toolHome: string | null): string {
  const path = join(home, 'tool-shell');
  const real = existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh';
  const hidden = [...secrets, 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'XDG_STATE_HOME'];
  const lines = [
    '#!/bin/sh',
    `unset ${hidden.filter((name) => /^\w+$/.test(name)).join(' ')}`,
    ...(toolHome === null ? [] : [`export HOME='${toolHome.replaceAll("'", "'\\''")}'`]),
    `export SHELL=${real}`,
    `exec ${real} "$@"`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o755 });
  return path;
}
