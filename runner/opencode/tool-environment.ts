import { pathWithoutNpm } from '../process/path-without-npm.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The user's variables that OpenCode and its tools get, and why. All other variables are withheld. */
export const PASSED_VARIABLES: readonly { names: readonly string[]; why: string }[] = [
  { names: ['HOME', 'USER', 'LOGNAME'], why: 'the settings and caches of git, npm and other programs' },
  {
    names: ['XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME', 'XDG_STATE_HOME'],
    why: 'the same, if they are not in the usual place (tools only; OpenCode has its own directories)',
  },
  { names: ['LANG', 'LANGUAGE', 'LC_*', 'TZ'], why: 'texts and times as in your shell' },
  { names: ['TERM', 'COLORTERM', 'NO_COLOR'], why: 'output as in your shell' },
  {
    names: ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'],
    why: 'networks that only a proxy leaves; also in lower case, and with the password if the URL has one',
  },
  {
    names: [
      ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
      ...['GIT_SSL_CAINFO', 'GIT_SSL_CAPATH', 'PIP_CERT', 'CARGO_HTTP_CAINFO', 'AWS_CA_BUNDLE', 'DENO_CERT'],
    ],
    why: 'networks with their own certificate authority',
  },
  {
    names: ['SSH_AUTH_SOCK', 'SSH_AGENT_PID', 'GIT_SSH', 'GIT_SSH_COMMAND'],
    why: 'git over SSH; the agent signs, and tools cannot read its keys',
  },
  {
    names: [
      ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'USERPROFILE', 'HOMEDRIVE', 'HOMEPATH'],
      ...['APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA', 'PROGRAMFILES'],
    ],
    why: 'programs on Windows do not start without them',
  },
];

const PASSED = new RegExp(
  `^(${PASSED_VARIABLES.flatMap(({ names }) => names)
    .join('|')
    .replaceAll('*', '\\w*')})$`,
  'i',
);
/** Names of variables and settings that hold secrets. */
export const SECRET_NAME = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL|^(DATABASE_URL|PGPASSFILE)$/i;
const RESERVED = /^(PATH|SHELL|TMPDIR|OIO_.*|OPENCODE.*|npm_.*)$/;

/** A variable that a tool cannot get; the message says why. */
export class ToolVariableError extends Error {
  override name = 'ToolVariableError';
}

/**
 * Computes the environment of everything that OpenCode runs. Keys and tokens never pass.
 *
 * @param person the environment that the agent was started with
 * @param added names of further variables that pass
 * @throws ToolVariableError when an added variable is not set, or must not pass
 *
 * @example toolEnvironment({ HOME: '/home/me', JAVA_HOME: '/jdk', OPENAI_API_KEY: 'x' }, ['JAVA_HOME'])
 * // { HOME: '/home/me', JAVA_HOME: '/jdk', PATH: '/usr/local/bin:/usr/bin:/bin' }
 */
export function toolEnvironment(person: Environment, added: readonly string[] = []): Record<string, string> {
  for (const name of added) checkAdded(name, person[name]);
  const passed = Object.entries(person).filter(([name]) => PASSED.test(name) || added.includes(name));
  return {
    ...Object.fromEntries(passed.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    PATH: pathWithoutNpm(person.PATH),
  };
}

function checkAdded(name: string, value: string | undefined): void {
  if (!/^\w+$/.test(name)) throw new ToolVariableError(`"${name}" is not the name of a variable.`);
  if (RESERVED.test(name)) throw new ToolVariableError(`${name} cannot be passed to tools: the agent sets it.`);
  if (SECRET_NAME.test(name)) {
    throw new ToolVariableError(
      `${name} cannot be passed to tools: its name says that it is a secret. Put it into a file that the tool reads, such as ~/.npmrc.`,
    );
  }
  if (value === undefined) throw new ToolVariableError(`${name} is not set. Set it, or do not name it.`);
}
