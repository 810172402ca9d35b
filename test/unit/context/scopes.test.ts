import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import type { NewContext } from '../../../src/ports/contexts.ts';
import type { Role } from '../../../src/protocol/common/enums.ts';
import { ContextInProcess } from '../../support/context-in-process.ts';
import { valueIn } from '../../support/value-in.ts';
import { CALL, CONTEXT } from './home.ts';

const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
const OTHER = '0198c2f0-1a2b-8c3d-9e4f-5a6c00000000';
const TASK = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001';
const AGENT = '8a52f0e1-3f0e-4f0c-9d0b-0d6f3a1b2c3d';

const OF: Record<string, NewContext> = {
  session: { ...CONTEXT, scope: 'session', session_id: SESSION },
  'another session': { ...CONTEXT, scope: 'session', session_id: OTHER },
  'a part of the session': { ...CONTEXT, scope: 'temporary', session_id: SESSION },
  agent: { ...CONTEXT, scope: 'agent', agent_id: AGENT },
  'another agent': { ...CONTEXT, scope: 'agent', agent_id: CONTEXT.id },
  workspace: CONTEXT,
  nobody: { ...CONTEXT, scope: 'temporary' },
};

function callOf(role: Role, lease?: { epoch: number; task_id?: string }): Call {
  const held = lease && { task_id: TASK, session_id: SESSION, agent_id: AGENT, ...lease };
  return { ...CALL, principal: { workspace: 'default', role, token_id: 't' }, ...(held && { lease: held }) };
}
const OWN: Call = {
  ...CALL,
  principal: { workspace: 'default', role: 'agent', token_id: 't', agent: { id: AGENT, registered_by: 'static' } },
};

/** What each may do with the context of whom: read and write, read, or nothing. */
describe.each<[string, Call, Record<string, 'rw' | 'r' | '-'>]>([
  ['a viewer', callOf('viewer'), { session: 'r', agent: 'r', workspace: 'r', nobody: 'r' }],
  ['an operator', callOf('operator'), { session: 'rw', agent: 'rw', workspace: 'rw', nobody: 'rw' }],
  [
    'an agent under a lease',
    callOf('agent', { epoch: 1 }),
    {
      ...{ session: 'rw', 'another session': '-', 'a part of the session': 'rw', agent: 'rw', 'another agent': '-' },
      ...{ workspace: 'r', nobody: '-' },
    },
  ],
  [
    'an agent with its own token',
    OWN,
    { session: '-', agent: 'rw', 'another agent': '-', workspace: 'r', nobody: '-' },
  ],
  ['an agent without either', callOf('agent'), { session: '-', agent: '-', workspace: 'r', nobody: '-' }],
])('%s', (_, call, rights) => {
  it.each(Object.entries(rights))('has with the context of %s the rights: %s', (whose, right) => {
    const context = new ContextInProcess();
    valueIn(context.runtime.create(CALL, OF[whose]!, { a: 1 }));
    const before = context.platform.dump();
    const read = context.runtime.read(call);
    const written = context.runtime.update(call, { updates: { a: 2 } });
    const refused = { failure: { code: 'context_scope_mismatch', detail: expect.stringContaining('.') } };
    expect(read).toMatchObject(right === '-' ? refused : { ok: true });
    expect(written).toMatchObject(right === 'rw' ? { ok: true } : refused);
    if (right !== 'rw') expect(context.platform.dump()).toEqual(before);
    const fresh = new ContextInProcess();
    const made = fresh.runtime.update(call, { updates: { a: 1 } }, OF[whose]);
    expect(made.ok).toBe(right === 'rw');
  });
});

describe('a write under a lease', () => {
  it('names its agent, task and epoch in the history', () => {
    const context = new ContextInProcess();
    valueIn(context.runtime.update(callOf('agent', { epoch: 2 }), { updates: { a: 1 } }, OF.session));
    const { updated_by } = valueIn(context.runtime.read(CALL));
    expect(updated_by).toEqual({ token_id: 't', agent_id: AGENT, task_id: TASK, epoch: 2 });
  });

  it('is refused after a newer lease of the task has written, and not after one of another task', () => {
    const context = new ContextInProcess();
    const write = (value: number, epoch: number, task_id = TASK) =>
      context.runtime.putKey(callOf('agent', { epoch, task_id }), '/a', { value }, OF.session);
    valueIn(write(1, 1));
    valueIn(write(2, 3));
    context.evict();
    const before = context.platform.dump();
    expect(write(3, 1)).toMatchObject({ failure: { code: 'stale_lease' } });
    expect(context.platform.dump()).toEqual(before);
    valueIn(write(4, 1, TASK.replace(/1$/, '2')));
    valueIn(write(5, 3));
    expect(valueIn(context.runtime.read(CALL)).data).toEqual({ a: 5 });
  });
});

it('a repeat without the lease of the first call does not show what the context has become', () => {
  const context = new ContextInProcess();
  valueIn(context.runtime.create(CALL, OF.session!, { a: 1 }));
  const idempotency = { key: 'once', fingerprint: 'f' };
  const leased = { ...callOf('agent', { epoch: 1 }), idempotency };
  const unleased = { ...callOf('agent'), idempotency };
  const refused = { failure: { code: 'context_scope_mismatch' } };
  const first = context.runtime.update(leased, { updates: { a: 2 } });
  expect(context.runtime.update(unleased, { updates: { a: 2 } })).toMatchObject(refused);
  expect(context.runtime.update(leased, { updates: { a: 2 } })).toEqual(first);
});
