import { expect, it } from 'vitest';
import { SESSION_ACTIONS } from '../../../src/protocol/session/actions.ts';
import { BulkSessionRequest } from '../../../src/protocol/session/bulk.ts';

it('bulk requests offer every session action except the two that report about one session', () => {
  const offered = [
    'create',
    ...SESSION_ACTIONS.filter((action) => action !== 'complete' && action !== 'fail'),
    'delete',
  ];
  expect([...BulkSessionRequest().shape.action.options].sort()).toEqual(offered.sort());
});
