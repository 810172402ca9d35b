import { describe, expect, it } from 'vitest';
import type { FleetAgent } from '../../../src/domain/dispatch/agent-index.ts';
import { explainQueue } from '../../../src/domain/dispatch/explain.ts';
import type { Waiting } from '../../../src/domain/dispatch/match.ts';
import { placeText, queueText } from '../../../src/domain/dispatch/place-text.ts';
import type { QueuePlace } from '../../../src/protocol/session/queue.ts';
import type { Requirements } from '../../../src/protocol/session/requirements.ts';
import { dispatcherOf, fleetAgent } from '../../support/dispatcher-of.ts';
import { ANY } from '../../support/requirements.ts';

const NOW = 1_000_000;

/** A request; its name is that of its session. */
type Slot = Waiting & { name: string };

function slot(name: string, requirements: Partial<Requirements> = {}, declined: Waiting['declined'] = {}): Slot {
  return { name, requirements: { ...ANY, ...requirements }, declined };
}

type Changes = Partial<FleetAgent> & { seen_at?: number };

function agent(name: string, { seen_at = NOW, ...changes }: Changes = {}): FleetAgent {
  return fleetAgent(name, { connection: { instance_id: `${name}-1`, seen_at }, ...changes });
}

/** Why the last request of a queue waits. */
function whyLast(queue: Slot[], agents: FleetAgent[]) {
  const { dispatcher, requests } = dispatcherOf(agents, queue, NOW);
  const { session_id } = requests.at(-1)!;
  const own = requests.filter((request) => request.session_id === session_id);
  return explainQueue(dispatcher, own, NOW).get(session_id);
}

const BUSY = { slots_used: 1 };
const TWO = { capacity: 2, slots_used: 2 };
const GPU = { required_labels: ['gpu=a100'] };

describe('why a request waits', () => {
  it.each<[string, Slot[], FleetAgent[], object]>([
    [
      'no agent at all',
      [slot('first'), slot('me', GPU)],
      [],
      { reason: 'no_agent', message: 'No agent is connected. 1 request is ahead.', ahead: 1 },
    ],
    [
      'agents that drain or have failed',
      [slot('me')],
      [agent('AGENT-A', { draining: true }), agent('AGENT-B', { open_until: NOW + 1 })],
      {
        reason: 'none_open',
        message: 'The agents that can take the session get no work now: AGENT-A, AGENT-B.',
        ahead: 0,
      },
    ],
    [
      'a label that no agent has',
      [slot('me', { required_labels: ['os=linux', 'gpu=a100'] })],
      [agent('A', { labels: ['os=linux'] })],
      { reason: 'nothing_fits', message: 'No connected agent has label gpu=a100.', missing: ['label gpu=a100'] },
    ],
    [
      'a capability and a repository that no agent has',
      [slot('me', { required_capabilities: ['code_review'], repository_key: 'github.com/acme/web' })],
      [agent('A')],
      {
        message: 'No connected agent has capability code_review or repository github.com/acme/web.',
        missing: ['capability code_review', 'repository github.com/acme/web'],
      },
    ],
    [
      'a clone of the repository of its earlier attempts',
      [slot('me', { repository: 'abcd' })],
      [agent('A', { repository: 'ffff' })],
      { missing: ['repository with first commit abcd'] },
    ],
    [
      'a label, although a shallow clone of the repository does not know its first commit',
      [slot('me', { repository: 'abcd', repository_key: 'github.com/acme/web', ...GPU })],
      [agent('A', { remotes: ['github.com/acme/web'] })],
      { missing: ['label gpu=a100'] },
    ],
    [
      'a remote, although a clone of the repository has its first commit',
      [slot('me', { repository: 'abcd', repository_key: 'github.com/acme/web' })],
      [agent('A', { repository: 'abcd' })],
      { missing: ['repository github.com/acme/web'] },
    ],
    [
      'one agent with all that different agents have',
      [slot('me', { required_labels: ['a=1', 'b=2'] })],
      [agent('A', { labels: ['a=1'] }), agent('B', { labels: ['b=2'] })],
      { message: 'No connected agent has all of: label a=1, label b=2.' },
    ],
    [
      'an agent of a higher tier',
      [slot('me', { min_performance_tier: 'advanced' })],
      [agent('A', { tier: 'competent' })],
      {
        reason: 'nothing_fits',
        message: 'No connected agent has tier advanced or better.',
        missing: ['tier advanced or better'],
      },
    ],
    [
      'agents that have refused it',
      [slot('me', { refusing_instances: ['A-1'] })],
      [agent('A')],
      { reason: 'all_refused', message: 'All agents that can take the session have refused it: A.' },
    ],
    [
      'a busy agent, behind those that wait for the same',
      [slot('x'), slot('y'), slot('me')],
      [agent('A', BUSY)],
      { reason: 'all_busy', message: 'The agent that can take it is busy. 2 requests are ahead.', ahead: 2 },
    ],
    [
      'a silent agent',
      [slot('me')],
      [agent('A', { seen_at: 0 })],
      { reason: 'all_quiet', message: 'The agents that can take the session have been silent recently: A.' },
    ],
    [
      'an agent that has just declined it',
      [slot('me', {}, { A: { count: 1, until: NOW + 1 } })],
      [agent('A')],
      { reason: 'all_declined', message: 'These agents have just declined, and will get the offer again soon: A.' },
    ],
  ])('%s', (_what, queue, agents, expected) => {
    expect(whyLast(queue, agents)).toMatchObject(expected);
  });

  it('does not count requests that no agent takes for which this one waits', () => {
    const queue = [slot('stuck', GPU), slot('x'), slot('me')];
    expect(whyLast(queue, [agent('A', BUSY)])).toMatchObject({ ahead: 1 });
    expect(whyLast([...queue, slot('stuck too', GPU)], [agent('A', BUSY)])).toMatchObject({ ahead: 1 });
  });

  it('is explained by the first request of a session', () => {
    const queue = [slot('me'), slot('x'), slot('me')];
    expect(whyLast(queue, [agent('A', BUSY)])).toMatchObject({
      ahead: 0,
      message: 'The agent that can take it is busy.',
    });
  });

  it.each<[string, FleetAgent[], number | null]>([
    // 2 slots of 60 s and 1 of 120 s end a task each 24 s, so that the third one from now has ended after 72 s.
    [
      'its place by the rate of all agents',
      [agent('A', { ...TWO, duration_ms: 60_000 }), agent('B', { ...BUSY, duration_ms: 120_000 })],
      72,
    ],
    // B counts as 60 s: three in 60 s.
    [
      'the median of the others for an agent without results',
      [agent('A', { ...TWO, duration_ms: 60_000 }), agent('B', BUSY)],
      60,
    ],
    ['nothing without any duration', [agent('A', TWO)], null],
    ['nothing while the agents get no work', [agent('A', { draining: true, duration_ms: 60_000 })], null],
  ])('estimates the wait from %s', (_what, agents, estimated_wait_seconds) => {
    const queue = [slot('x'), slot('y'), slot('me')];
    expect(whyLast(queue, agents)).toMatchObject({ ahead: 2, place: 3, estimated_wait_seconds });
  });
});

describe('the place in words', () => {
  const place = (changes: Partial<QueuePlace>): QueuePlace => ({
    reason: 'all_busy',
    message: 'All agents are busy.',
    ahead: 2,
    place: 3,
    estimated_wait_seconds: null,
    missing: [],
    ...changes,
  });

  it('is said with the estimate if there is one', () => {
    expect(placeText(place({ estimated_wait_seconds: 750 }))).toBe('Place 3 in the queue, for about 12m.');
    expect(placeText(place({}))).toBe('Place 3 in the queue.');
    expect(placeText(place({ place: null }))).toBeNull();
  });

  it('is no wait for an agent if the session waits for a person', () => {
    expect(queueText(place({}))).toBe('Waiting for an agent. All agents are busy. Place 3 in the queue.');
    const message = 'The session waits until somebody answers what it asks.';
    expect(queueText(place({ reason: 'not_approved', message, place: null }))).toBe(message);
  });
});
