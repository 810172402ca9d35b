import { expect, it } from 'vitest';
import text from '../../docs/API.md?raw';
import { OPERATION_IDS } from '../../src/protocol/endpoints/endpoints.ts';
import { ask, newWorkspace, signToken } from './http-support.ts';

/** The requests that docs/API.md shows, each with its operation. */
const examples = [...text.matchAll(/^#### `(\w+)`[\s\S]*?```http\n(\w+) (\S+)\n(?:\n([^`]+)\n)?```/gm)].map(
  ([, id, method, path, body]) => ({ id: id!, method: method!, path: path!, body }),
);

it('docs/API.md has an example of every operation', () => {
  expect(examples.map(({ id }) => id).sort()).toEqual([...OPERATION_IDS].sort());
});

it.each(examples)('the example of $id in docs/API.md is a valid request', async ({ method, path, body }) => {
  const token = await signToken('admin', newWorkspace());
  const { status } = await ask(path, { method, token, ...(body !== undefined && { body }) });
  // The ids of the examples do not exist; a code and a socket need another credential and an upgrade.
  expect(path.startsWith('/ws/') ? [426] : [200, 201, 401, 404]).toContain(status);
});
