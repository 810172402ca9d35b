import { expect, it } from 'vitest';
import { createRest } from '../../../src/client/rest.ts';
import { SeenVersions } from '../../../src/client/seen-versions.ts';

const ID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';

/** A client of a server that has one context in this version, and the queries of its requests. */
function client(version: number) {
  const queries: string[] = [];
  const state = { version };
  const rest = createRest({
    baseUrl: 'http://server.test',
    token: 'token',
    deadlineMs: 1_000,
    attemptMs: 1_000,
    fetch: async (input, init) => {
      queries.push(new URL(String(input instanceof Request ? input.url : input)).search);
      return (init?.method ?? 'GET') === 'DELETE'
        ? new Response(null, { status: 204 })
        : Response.json({ id: ID, version: state.version });
    },
  });
  return { rest, queries, state };
}

it('a read says the newest version that the client has seen, by id and by address', async () => {
  const { rest, queries, state } = client(3);
  await rest.contexts.get('global');
  await rest.contexts.get(ID);
  state.version = 4;
  await rest.contexts.update(ID, { updates: {} });
  await rest.contexts.get(ID);
  await rest.contexts.get(ID, { version: 1 });
  expect(queries.filter((_, index) => index !== 2)).toEqual([
    '',
    '?min_version=3',
    '?min_version=4',
    '?min_version=4&version=1',
  ]);
});

it('a read after a change with no version in its answer is at the home', async () => {
  const { rest, queries } = client(3);
  await rest.contexts.get(ID);
  await rest.contexts.remove('global');
  await rest.contexts.get(ID);
  expect(queries.at(-1)).toBe('');
});

it('the contexts that were seen longest ago are forgotten', () => {
  const seen = new SeenVersions();
  for (let index = 0; index < 1_500; index++) seen.note(undefined, { id: `${index}`, version: 1 });
  seen.note('0', null);
  expect([seen.of('0'), seen.of('499'), seen.of('500'), seen.of('1499')]).toEqual([undefined, undefined, 1, 1]);
});
