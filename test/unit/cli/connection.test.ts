import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exitCode } from '../../../cli/command.ts';
import { explainApiError, findConnection } from '../../../cli/connection.ts';
import { DataDirectory } from '../../../cli/data-directory.ts';
import { ApiError, ConnectionError } from '../../../src/client/errors.ts';

const server = { url: 'http://127.0.0.1:8787', token: 'recorded' };

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'oio-connection-'));
  vi.spyOn(process, 'cwd').mockReturnValue(home);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(home, { recursive: true, force: true });
});

/** The environment of a user whose state directory is the test's. */
const user = () => ({ XDG_STATE_HOME: home });

function serving(directory: string): string {
  const path = join(home, directory);
  mkdirSync(path);
  new DataDirectory(path).writeServer(server.url, server.token);
  return path;
}

describe('finding the control plane', () => {
  it('uses the data directory’s server if the environment names none', () => {
    expect(findConnection({ OIO_DATA_DIR: serving('data') })).toEqual(server);
  });

  it('uses the demo’s server if nothing is named and no other server was started here', () => {
    serving('oio-demo');
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(findConnection(user())).toEqual(server);
    expect(told).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(`using the demo at ${server.url}`));
    expect(() => findConnection({ OIO_DATA_DIR: join(home, 'absent') })).toThrow('npm start');
    const work = { url: 'http://127.0.0.1:1', token: 'of real work' };
    mkdirSync(join(home, 'oio'));
    new DataDirectory(join(home, 'oio')).writeServer(work.url, work.token);
    expect(findConnection(user())).toEqual(work);
  });

  it.each([
    ['has ended', { pid: 2 ** 22 + 1 }],
    ['has ended, and another process has its number', { started: 'before' }],
  ])('does not use a recorded server that %s', (_how, changes) => {
    const path = serving('data');
    const file = join(path, 'server.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...changes }));
    expect(() => findConnection({ OIO_DATA_DIR: path })).toThrow('No control plane is running');
  });

  it('prefers the environment’s token to the recorded one', () => {
    const token = 'a token that a person was given, long enough';
    expect(findConnection({ OIO_DATA_DIR: serving('data'), OIO_TOKEN: token })).toEqual({ ...server, token });
  });

  it('rejects an invalid URL, and names the variable', () => {
    expect(() => findConnection({ OIO_DATA_DIR: serving('data'), OIO_URL: 'localhost' })).toThrow(
      'OIO_URL must be an http or https URL, such as OIO_URL=https://oio.example, not "localhost". Did you mean "http://localhost"?',
    );
  });

  it('never sends the recorded token to another server', () => {
    expect(() => findConnection({ OIO_DATA_DIR: serving('data'), OIO_URL: 'https://elsewhere.example' })).toThrow(
      'OIO_TOKEN',
    );
  });

  it('says that no control plane is running, and how to start one', () => {
    expect(() => findConnection(user())).toThrow(`${join(home, 'oio')}. Start one with "npm start"`);
  });
});

describe('explaining an error of the API', () => {
  const problem = (status: number, detail = 'It does not fit.') =>
    new ApiError({
      type: 'about:blank',
      title: 'No',
      status,
      detail,
      instance: '/x',
      code: 'validation_failed',
      request_id: 'r-1',
      retryable: false,
      errors: [{ path: 'title', message: 'too short' }],
    });

  it('keeps the server’s detail, its fields and the request id', () => {
    const error = explainApiError(problem(422));
    expect(error).toMatchObject({ code: exitCode.failed });
    expect(error?.message).toBe('It does not fit. (request r-1)\n  title: too short');
  });

  it('does not repeat a field that the detail quotes', () => {
    const detail = 'The body is invalid: title too short.';
    expect(explainApiError(problem(422, detail))?.message).toBe(`${detail} (request r-1)`);
  });

  it('has separate exit codes for a rejected token and an unreachable server', () => {
    expect(explainApiError(problem(401))?.code).toBe(exitCode.unreachable);
    expect(explainApiError(new ConnectionError('The control plane cannot be reached.'))?.code).toBe(
      exitCode.unreachable,
    );
    expect(explainApiError(new Error('a bug'))).toBeUndefined();
  });
});
