import { expect, it } from 'vitest';
import { followSession } from '../../../cli/watch.ts';
import { createClient } from '../../../src/client/client.ts';

const ID = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';

it('watching a session whose events are no longer stored ends with the session’s status', async () => {
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
