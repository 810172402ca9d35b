import { describe, expect, it } from 'vitest';
import { type Claim, type ClaimedLease, type ClaimedTask, judgeClaim } from '../../../src/domain/lease/claim.ts';

const CLAIM: Claim = { epoch: 3, agent_id: 'a', instance_id: 'i', stream_id: 's', head: 5, repository: 'root' };
const SESSION = { repository: null };
const READY: ClaimedTask = { epoch: 3, status: 'ready' };
const HELD: ClaimedTask = { epoch: 3, status: 'in_progress' };
const LEASE: ClaimedLease = { epoch: 3, agent_id: 'a', instance_id: 'i', stream_id: 's', acked: 5, ended: null };

describe('a claim of a task that was offered', () => {
  it('is granted to the first agent, with or without leases of earlier epochs', () => {
    expect(judgeClaim(CLAIM, SESSION, READY, undefined)).toEqual({ verdict: 'granted' });
    const earlier = { ...LEASE, epoch: 2, ended: 'lost' as const };
    expect(judgeClaim(CLAIM, SESSION, READY, earlier)).toEqual({ verdict: 'granted' });
  });

  it.each([
    { what: 'there is no session', session: null, task: READY },
    { what: 'there is no such task', session: SESSION, task: undefined },
    { what: 'the epoch has passed', session: SESSION, task: { ...READY, epoch: 4 } },
    { what: 'the epoch is still to come', session: SESSION, task: { ...READY, epoch: 2 } },
    { what: 'the task does not wait for an agent', session: SESSION, task: { ...READY, status: 'paused' as const } },
    { what: 'the session is bound to another repository', session: { repository: 'other' }, task: READY },
  ])('is gone when $what', ({ session, task }) => {
    expect(judgeClaim(CLAIM, session, task, undefined)).toMatchObject({ verdict: 'gone' });
  });
});

describe('a claim of a lease that was granted', () => {
  it('resumes it, also where the buffer holds more than is stored, and whatever the repository', () => {
    expect(judgeClaim(CLAIM, { repository: 'other' }, HELD, LEASE)).toEqual({ verdict: 'resumed' });
    expect(judgeClaim({ ...CLAIM, head: 9 }, SESSION, HELD, LEASE)).toEqual({ verdict: 'resumed' });
  });

  it.each([
    { what: 'another agent', changes: { agent_id: 'b' } },
    { what: 'another instance of the agent', changes: { instance_id: 'j' } },
  ])('is gone for $what, held or ended', ({ changes }) => {
    for (const ended of [null, 'done', 'lost'] as const) {
      const verdict = judgeClaim({ ...CLAIM, ...changes }, SESSION, HELD, { ...LEASE, ended });
      expect(verdict).toMatchObject({ verdict: 'gone' });
    }
  });

  it('has ended when the lease ended as it should, also when the stream is not the same', () => {
    const claim = { ...CLAIM, stream_id: 'other' };
    expect(judgeClaim(claim, SESSION, READY, { ...LEASE, ended: 'done' })).toMatchObject({ verdict: 'ended' });
  });

  it('is lost when the lease was taken, or the task has gone on to the next epoch', () => {
    const taken = { verdict: 'lost', cause: 'taken' };
    expect(judgeClaim(CLAIM, SESSION, HELD, { ...LEASE, ended: 'lost' })).toMatchObject(taken);
    expect(judgeClaim(CLAIM, SESSION, { ...HELD, epoch: 4 }, LEASE)).toMatchObject(taken);
  });

  it.each([
    { what: 'another stream', changes: { stream_id: 'other' } },
    { what: 'a head below what is stored', changes: { head: 4 } },
  ])('is lost with a broken stream when it brings $what', ({ changes }) => {
    const verdict = judgeClaim({ ...CLAIM, ...changes }, SESSION, HELD, LEASE);
    expect(verdict).toMatchObject({ verdict: 'lost', cause: 'stream_broken' });
  });
});
