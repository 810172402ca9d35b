import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exitCode } from '../../../cli/command.ts';
import { DataDirectory, makeAgentDirectory, stateHome } from '../../../cli/data-directory.ts';
import { projectFile } from '../../../cli/launcher/project.ts';
import { loadSecrets } from '../../../cli/launcher/secrets.ts';
import { eventually } from '../../support/eventually.ts';

let scratch: string;
let data: DataDirectory;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-data-'));
  data = new DataDirectory(join(scratch, 'data'));
});
afterEach(() => {
  data.release();
  rmSync(scratch, { recursive: true, force: true });
});

describe('the default data directory', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });
  const path = (use: 'work' | 'demo', variables: NodeJS.ProcessEnv = {}) =>
    DataDirectory.fromEnvironment({ XDG_STATE_HOME: join(scratch, 'state'), ...variables }, use).path;

  it('is outside the working directory, where modules of this package would be found', () => {
    vi.spyOn(process, 'cwd').mockReturnValue(scratch);
    expect(path('work')).toBe(join(scratch, 'state', 'oio'));
    expect(path('demo')).toBe(join(scratch, 'state', 'oio-demo'));
  });

  it('is the one in the working directory if it exists, as an earlier version made it', () => {
    vi.spyOn(process, 'cwd').mockReturnValue(scratch);
    mkdirSync(join(scratch, '.oio'));
    expect(path('work')).toBe(join(scratch, '.oio'));
    expect(path('demo')).toBe(join(scratch, 'state', 'oio-demo'));
    expect(path('work', { OIO_DATA_DIR: join(scratch, 'given') })).toBe(join(scratch, 'given'));
  });

  it.each([
    ['linux', { HOME: '/home/me' }, '/home/me/.local/state'],
    ['linux', { HOME: '/home/me', XDG_STATE_HOME: 'relative' }, '/home/me/.local/state'],
    ['darwin', { HOME: '/Users/me' }, '/Users/me/Library/Application Support'],
    ['darwin', { HOME: '/Users/me', XDG_STATE_HOME: '/state' }, '/state'],
    ['win32', { LOCALAPPDATA: '/Users/me/AppData/Local' }, '/Users/me/AppData/Local'],
  ] as const)('is in the state directory of %s', (platform, env, expected) => {
    expect(stateHome(env, platform)).toBe(expected);
  });
});

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** A process that holds the directory until it is killed. */
async function holdElsewhere() {
  const module = projectFile('cli/data-directory.ts');
  const script = `
    const { DataDirectory } = await import(${JSON.stringify(module)});
    globalThis.held = new DataDirectory(${JSON.stringify(data.path)});
    held.acquire();
    held.writeServer('http://127.0.0.1:4000', 'x'.repeat(32));
    console.log('held');
    setInterval(() => held.file('lock'), 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('the data directory', () => {
  it.each([
    ['a control plane’s', () => data.acquire()],
    ['an agent’s', () => makeAgentDirectory(data.path)],
  ])('is readable only by its owner, and ignored by git: %s', (_, make) => {
    make();
    expect(modeOf(data.path)).toBe(0o700);
    expect(data.read('.gitignore')).toBe('*\n');
  });

  it('is not changed if it existed before, because it may be a repository', () => {
    mkdirSync(data.path, { mode: 0o755 });
    data.acquire();
    makeAgentDirectory(data.path);
    expect(modeOf(data.path)).toBe(0o755);
    expect(data.read('.gitignore')).toBeUndefined();
    data.release();
    writeFileSync(data.file('.gitignore'), 'theirs\n');
    data.acquire();
    makeAgentDirectory(data.path);
    expect(data.read('.gitignore')).toBe('theirs\n');
  });

  it('rejects a second holder, names the first one, and is free as soon as the first one is killed', async () => {
    const holder = await holdElsewhere();
    expect(() => data.acquire()).toThrow(
      expect.objectContaining({
        code: exitCode.environment,
        message: expect.stringContaining(`process ${holder.pid}, which serves http://127.0.0.1:4000`),
      }),
    );
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await eventually(() => data.acquire());
  });

  it('can be acquired again after a release', () => {
    data.acquire();
    data.release();
    new DataDirectory(data.path).acquire();
  });

  it('says what to do if it cannot be created', () => {
    writeFileSync(join(scratch, 'file'), '');
    const inFile = new DataDirectory(join(scratch, 'file', 'data'));
    expect(() => inFile.acquire()).toThrow('Set OIO_DATA_DIR');
    expect(() => makeAgentDirectory(inFile.path)).toThrow('--data');
  });
});

describe('secrets', () => {
  it('are created once, kept, and readable only by their owner', () => {
    data.acquire();
    const first = loadSecrets(data, {});
    expect(loadSecrets(data, {})).toEqual(first);
    expect(first.adminToken.length).toBeGreaterThanOrEqual(32);
    expect(first.signingKeys).toMatch(/^local:.{32,}$/);
    expect(modeOf(data.file('admin-token'))).toBe(0o600);
    expect(modeOf(data.file('signing-keys'))).toBe(0o600);
  });

  it('include a given token of 32 characters without storing it, but reject a shorter one', () => {
    data.acquire();
    const given = 'g'.repeat(32);
    expect(loadSecrets(data, { OIO_TOKEN: given }).adminToken).toBe(given);
    expect(data.read('admin-token')).toBeUndefined();
    expect(() => loadSecrets(data, { OIO_TOKEN: 'g'.repeat(31) })).toThrow('at least 32');
  });
});
