import { expect, it } from 'vitest';
import { SESSION_ACTIONS } from '../../../src/protocol/session/actions.ts';
import { BulkSessionRequest } from '../../../src/protocol/session/bulk.ts';

const SESSIONS = { sessions: [{}] };
const IDS = { session_ids: ['0198c2f0-1a2b-8c3d-9e4f-5a6b00000000'] };

const accepts = (body: object) => BulkSessionRequest().safeParse(body).success;

it('bulk requests offer every session action except the two that report about one session', () => {
  const withIds = [...SESSION_ACTIONS, 'create', 'delete'].filter((action) => accepts({ action, ...IDS }));
  expect(withIds).toEqual([
    ...SESSION_ACTIONS.filter((action) => action !== 'complete' && action !== 'fail'),
    'delete',
  ]);
});

it('a bulk request has sessions if it creates them, and otherwise ids', () => {
  expect(accepts({ action: 'create', ...SESSIONS })).toBe(true);
  expect(accepts({ action: 'start', ...SESSIONS })).toBe(false);
  expect(accepts({ action: 'create', ...SESSIONS, ...IDS })).toBe(false);
});
