import { describe, expect, it } from 'vitest';
import { type Claim, type ClaimedLease, type ClaimedTask, judgeClaim } from '../../../src/domain/lease/claim.ts';

const CLAIM: Claim = {
  epoch: 3,
  agent_id: 'a',
  instance_id: 'i',
  stream_id: 's',
  token_id: 't',
  head: 5,
  repository: 'root',
  isProven: true,
};
const SESSION = { repository: null, repository_key: null };
const READY: ClaimedTask = { epoch: 3, status: 'ready' };
const HELD: ClaimedTask = { epoch: 3, status: 'in_progress' };
const LEASE: ClaimedLease = {
  epoch: 3,
  agent_id: 'a',
  instance_id: 'i',
  stream_id: 's',
  token_id: 't',
  acked: 5,
  ended: null,
};

describe('a claim of an offered task', () => {
  it('is granted to the first agent, even if the task had leases of earlier epochs', () => {
    expect(judgeClaim(CLAIM, SESSION, READY, undefined)).toEqual({ verdict: 'granted' });
    const earlier = { ...LEASE, epoch: 2, ended: 'lost' as const };
    expect(judgeClaim(CLAIM, SESSION, READY, earlier)).toEqual({ verdict: 'granted' });
  });

  it.each([
    { what: 'there is no session', session: null, task: READY },
    { what: 'there is no such task', session: SESSION, task: undefined },
    { what: 'the epoch has passed', session: SESSION, task: { ...READY, epoch: 4 } },
    { what: 'the epoch is in the future', session: SESSION, task: { ...READY, epoch: 2 } },
    { what: 'the task is not waiting for an agent', session: SESSION, task: { ...READY, status: 'paused' as const } },
    { what: 'the session is bound to another repository', session: { ...SESSION, repository: 'other' }, task: READY },
  ])('is gone when $what', ({ session, task }) => {
    expect(judgeClaim(CLAIM, session, task, undefined)).toMatchObject({ verdict: 'gone' });
  });

  it.each([
    { clone: null, session: { repository: 'root', repository_key: 'example.com/a' }, verdict: 'granted' },
    { clone: null, session: { repository: 'root', repository_key: null }, verdict: 'gone' },
    { clone: null, session: { repository: null, repository_key: null }, verdict: 'granted' },
    { clone: 'other', session: { repository: 'root', repository_key: 'example.com/a' }, verdict: 'gone' },
  ])('of a clone with first commit $clone for a session of $session is $verdict', ({ clone, session, verdict }) => {
    expect(judgeClaim({ ...CLAIM, repository: clone }, session, READY, undefined).verdict).toBe(verdict);
  });

  it('is gone for an agent that was not offered it', () => {
    const claim = { ...CLAIM, isProven: false };
    expect(judgeClaim(claim, SESSION, READY, undefined)).toMatchObject({
      verdict: 'gone',
      reason: 'this agent was not offered the task',
    });
  });
});

describe('a claim of a granted lease', () => {
  it('resumes the lease, even if the buffer is ahead of the session or the repository differs', () => {
    expect(judgeClaim(CLAIM, { ...SESSION, repository: 'other' }, HELD, LEASE)).toEqual({ verdict: 'resumed' });
    expect(judgeClaim({ ...CLAIM, head: 9 }, SESSION, HELD, LEASE)).toEqual({ verdict: 'resumed' });
  });

  it.each([
    { what: 'another agent', changes: { agent_id: 'b' } },
    { what: 'another instance of the agent', changes: { instance_id: 'j' } },
  ])('is refused as gone for $what, whether the lease is held or has ended', ({ changes }) => {
    for (const ended of [null, 'done', 'lost'] as const) {
      const verdict = judgeClaim({ ...CLAIM, ...changes }, SESSION, HELD, { ...LEASE, ended });
      expect(verdict).toMatchObject({ verdict: 'gone' });
    }
  });

  it('resumes the lease with another token of the agent, which knows the stream', () => {
    const claim = { ...CLAIM, token_id: 'new', isProven: false };
    expect(judgeClaim(claim, SESSION, HELD, LEASE)).toEqual({ verdict: 'resumed' });
  });

  it('is refused as gone for another token without the stream, and does not break the lease', () => {
    for (const ended of [null, 'done', 'lost'] as const) {
      const claim = { ...CLAIM, token_id: 'new', stream_id: 'other' };
      expect(judgeClaim(claim, SESSION, HELD, { ...LEASE, ended })).toMatchObject({ verdict: 'gone' });
    }
  });

  it('is answered with ended after a regular end, even with another stream', () => {
    const claim = { ...CLAIM, stream_id: 'other' };
    expect(judgeClaim(claim, SESSION, READY, { ...LEASE, ended: 'done' })).toMatchObject({ verdict: 'ended' });
  });

  it('is lost if the lease was taken, or the task has a newer epoch', () => {
    const taken = { verdict: 'lost', cause: 'taken' };
    expect(judgeClaim(CLAIM, SESSION, HELD, { ...LEASE, ended: 'lost' })).toMatchObject(taken);
    expect(judgeClaim(CLAIM, SESSION, { ...HELD, epoch: 4 }, LEASE)).toMatchObject(taken);
  });

  it.each([
    { what: 'another stream', changes: { stream_id: 'other' } },
    { what: 'a head below the stored frames', changes: { head: 4 } },
  ])('is lost as a broken stream when it has $what', ({ changes }) => {
    const verdict = judgeClaim({ ...CLAIM, ...changes }, SESSION, HELD, LEASE);
    expect(verdict).toMatchObject({ verdict: 'lost', cause: 'stream_broken' });
  });
});
