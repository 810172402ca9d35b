import { expect, it } from 'vitest';
import { followSession } from '../../../cli/watch.ts';
import { createClient } from '../../../src/client/client.ts';

const ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';

it('a session so long over that none of its events is kept ends the watch with its status', async () => {
  const answers = [
    { items: [], cursor: '0.0.7', has_more: false, reset: true },
    { id: ID, status: 'completed' },
  ];
  const client = createClient({
    baseUrl: 'http://control.test',
    token: 'a-token',
    fetch: async () => Response.json(answers.shift()),
  });
  const onEvent = () => expect.unreachable('there is no event');
  expect(await followSession(client, ID, { onEvent })).toBe('completed');
  expect(answers).toEqual([]);
});
