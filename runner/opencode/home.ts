import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveRipgrepDirectory } from './binary.ts';
import { type ConfigurationSource, configure, searchPath } from './configuration.ts';

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
  marker: string;
  password: string;
  /** `PATH` for tools. */
  path: string | undefined;
}

const PLUGIN_PACKAGE = { dependencies: { '@opencode-ai/plugin': '*' } };

/**
 * Creates the home's directories and files, and builds the environment. The server inherits no variables. The shell
 * that OpenCode runs its tools with removes the variables that tools must not see.
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
  // With an empty catalogue, the first prompt is a second faster and the server needs 170 MB less memory.
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

/** Without a lockfile that names its plugin package, OpenCode runs `npm install` at each start and ignores SIGTERM. */
function seedPluginDirectory(directory: string): void {
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  writeFileSync(join(directory, 'package.json'), JSON.stringify(PLUGIN_PACKAGE));
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages: { '': PLUGIN_PACKAGE } }));
}

/** Writes the shell that tools run in: a wrapper around the real shell that removes the hidden variables. */
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
