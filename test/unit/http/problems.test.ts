import { expect, it } from 'vitest';
import { fieldErrors } from '../../../src/http/problems.ts';
import { CreateSessionRequest } from '../../../src/protocol/session/requests.ts';

it('the errors of a body say what to do, and not what a parser saw', () => {
  const body = {
    title: 'x',
    initial_prompt: 7,
    tags: Array.from({ length: 1_000 }, (_, index) => `tag-${index}`),
    priority: 'urgent',
    max_attempts: 0,
    colour: 'red',
  };
  const errors = Object.fromEntries(
    fieldErrors(CreateSessionRequest().safeParse(body).error!).map(({ path, message }) => [path, message]),
  );
  expect(errors).toEqual({
    title: 'must have at least 3 characters',
    initial_prompt: 'must be of type string, not number',
    tags: expect.stringMatching(/^must have at most \d+ items$/),
    priority: expect.stringMatching(/^must be one of: .*critical/),
    max_attempts: 'must be at least 1',
    colour: 'unknown member; remove it',
  });
  expect(fieldErrors(CreateSessionRequest().safeParse({ title: 'A title' }).error!)).toEqual([
    { path: 'initial_prompt', message: 'is missing' },
  ]);
});
