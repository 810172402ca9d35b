import { describe, expect, it } from 'vitest';
import { exitCode } from '../../../cli/command.ts';
import { explainApiError, findConnection } from '../../../cli/connection.ts';
import { ApiError, ConnectionError } from '../../../src/client/errors.ts';

const server = { url: 'http://127.0.0.1:8787', token: 'recorded' };

describe('finding the control plane', () => {
  it('is the data directory’s own server where the environment names none', () => {
    expect(findConnection({}, () => server)).toEqual(server);
  });

  it('prefers the token from the environment', () => {
    expect(findConnection({ OIO_TOKEN: 'given' }, () => server)).toEqual({ ...server, token: 'given' });
  });

  it('never gives the recorded token to another server', () => {
    expect(() => findConnection({ OIO_URL: 'https://elsewhere.example' }, () => server)).toThrow('OIO_TOKEN');
  });

  it('says how to start one where there is none', () => {
    expect(() => findConnection({}, () => undefined)).toThrow('npm start');
  });
});

describe('an error of the API', () => {
  const problem = (status: number) =>
    new ApiError({
      type: 'about:blank',
      title: 'No',
      status,
      detail: 'It does not fit.',
      instance: '/x',
      code: 'validation_failed',
      request_id: 'r-1',
      retryable: false,
      errors: [{ path: 'title', message: 'too short' }],
    });

  it('keeps the server’s explanation, its fields and the request’s id', () => {
    const error = explainApiError(problem(422));
    expect(error).toMatchObject({ code: exitCode.failed });
    expect(error?.message).toBe('It does not fit. (request r-1)\n  title: too short');
  });

  it('tells a refused token and an absent server from a failure by the exit code', () => {
    expect(explainApiError(problem(401))?.code).toBe(exitCode.unreachable);
    expect(explainApiError(new ConnectionError('The control plane cannot be reached.'))?.code).toBe(
      exitCode.unreachable,
    );
    expect(explainApiError(new Error('a bug'))).toBeUndefined();
  });
});
