import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { projectFile } from '../../../cli/launcher/project.ts';
import { toolEnvironment } from '../../../runner/opencode/tool-environment.ts';
import { SETTINGS } from '../../../src/configuration/settings.ts';

const scratch = mkdtempSync(join(tmpdir(), 'oio-tools-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the environment of tools', () => {
  const passed = {
    HOME: '/home/me',
    USER: 'me',
    LC_TIME: 'de_DE.UTF-8',
    TZ: 'Europe/Berlin',
    TERM: 'xterm',
    HTTPS_PROXY: 'http://proxy:3128',
    https_proxy: 'http://proxy:3128',
    no_proxy: 'localhost',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    GIT_SSL_CAINFO: '/ca.pem',
    SSH_AUTH_SOCK: '/agent.sock',
    PATH: '/usr/bin',
  };

  test('has the user’s home, locale, proxies, certificates and SSH agent', () => {
    expect(toolEnvironment(passed)).toEqual(passed);
  });

  test('has no key, no token, no setting of this project, and nothing that npm sets', () => {
    const planted = [
      'ANTHROPIC_API_KEY',
      'OPENAI_API_KEY',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'GITHUB_TOKEN',
    ];
    planted.push('GOOGLE_APPLICATION_CREDENTIALS', 'AZURE_CLIENT_SECRET', 'NPM_TOKEN', 'PGPASSWORD', 'KUBECONFIG');
    planted.push(
      'npm_config_registry',
      'INIT_CWD',
      'NODE_OPTIONS',
      'OPENCODE_SERVER_PASSWORD',
      ...Object.keys(SETTINGS),
    );
    const person = { ...passed, ...Object.fromEntries(planted.map((name) => [name, 'planted'])) };
    expect(toolEnvironment(person)).toEqual(passed);
  });

  test('has variables that the user adds by name', () => {
    expect(toolEnvironment({ PATH: '/bin', JAVA_HOME: '/jdk' }, ['JAVA_HOME'])).toEqual({
      PATH: '/bin',
      JAVA_HOME: '/jdk',
    });
  });

  test.each([
    ['AWS_SECRET_ACCESS_KEY', 'its name says that it is a secret'],
    ['NPM_TOKEN', 'its name says that it is a secret'],
    ['OIO_AGENT_TOKEN', 'the agent sets it'],
    ['PATH', 'the agent sets it'],
    ['JAVA_HOME', 'is not set'],
    ['A=b', 'is not the name of a variable'],
  ])('cannot be given %s: the error says why', (name, reason) => {
    expect(() => toolEnvironment({ NPM_TOKEN: 'x' }, [name])).toThrow(reason);
  });
});

describe('the PATH of tools', () => {
  test('lacks what npm puts in front for a script of this package', () => {
    const link = join(scratch, 'link');
    symlinkSync(projectFile('.'), link);
    const [ours, linked] = [projectFile('node_modules/.bin'), join(link, 'node_modules/.bin')];
    const above = join(dirname(dirname(ours)), '..', 'node_modules/.bin');
    const gyp = '/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin';
    const path = [ours, linked, above, '/node_modules/.bin', gyp, '/opt/bin', '/bin'].join(delimiter);
    expect(toolEnvironment({ PATH: path }).PATH).toBe(['/opt/bin', '/bin'].join(delimiter));
  });

  test('keeps the programs of other packages', () => {
    const other = join(scratch, 'other', 'node_modules', '.bin');
    mkdirSync(other, { recursive: true });
    const path = [other, '/bin'].join(delimiter);
    expect(toolEnvironment({ PATH: path }).PATH).toBe(path);
  });
});
