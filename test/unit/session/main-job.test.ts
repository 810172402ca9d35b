import { describe, expect, it } from 'vitest';
import type { SlotRequest } from '../../../src/ports/agent-registry.ts';
import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import { IMPLICIT_TASK, WHOLE_SESSION } from '../../../src/protocol/common/ids.ts';
import type { SessionEvent } from '../../../src/protocol/events/envelope.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { ANY } from '../../support/requirements.ts';
import { callFrom } from '../ports/agent-registry.fixture.ts';
import { checkpoint, FakeAgent, note, partDone, result, text, usage, uuidOf } from './fake-agent.ts';
import { SESSION_ID, SessionInProcess, TASK_ID, unwrap, WORKSPACE } from './harness.ts';

/** Asserts that a log has no gap and no duplicate: each event starts right after the previous one. */
function expectContiguous(events: readonly SessionEvent[]): void {
  let head = 0;
  for (const event of events) {
    expect(event.from_seq).toBe(head + 1);
    head = event.seq;
  }
}

const SLOT: SlotRequest = {
  session_id: SESSION_ID,
  task_id: TASK_ID,
  epoch: 1,
  priority: 'medium',
  requirements: ANY,
  proof_key: '',
};

const WORDS = ['Let', ' me', ' write', ' it', '.'];

function work(): ReturnType<typeof text>[][] {
  let offset = 0;
  const deltas = WORDS.map((words) => {
    const delta = text('part', offset, words);
    offset += words.length;
    return delta;
  });
  return [
    [
      { type: 'turn.started', data: { turn: 1, message: 1, model: 'demo/scripted', agent: null } },
      ...deltas.slice(0, 2),
    ],
    [...deltas.slice(2), partDone('part', offset), usage()],
    [{ type: 'turn.completed', data: { turn: 1, message: 1, finish: 'stop' } }, ...checkpoint('one')],
  ];
}

describe.each([
  { evictBetweenSteps: false, when: 'without an eviction' },
  { evictBetweenSteps: true, when: 'with the object evicted between any two steps' },
])('the main job, $when', ({ evictBetweenSteps }) => {
  it('leads from create to completed, with offer, lease, stream, checkpoint and recorded run', async () => {
    const registry = new RegistryInProcess({ workspace: WORKSPACE, evictBetweenSteps });
    const session = new SessionInProcess({ registry: registry.api, evictBetweenSteps });
    const agent = new FakeAgent(session, 1, 'AGENT-ONE');
    const control = registry.connect(agent.id);
    control.send({
      type: 'hello',
      name: agent.name,
      instance_id: agent.instanceId,
      capacity: 1,
      capabilities: [],
      labels: [],
      repository: agent.repository,
      model: 'demo/scripted',
      version: '0.1.0',
      leases: [],
    });

    const created = await session.create();
    expect(created.status).toBe('pending');
    const watcher = session.watcher().connect().catchUp();
    expect(session.destinations.entry?.summary.status).toBe('pending');

    const started = await session.act('start');
    expect(started.status).toBe('queued');
    await session.settle();
    const offers = control.take<ControlDown>().filter((frame) => frame.type === 'offer');
    expect(offers).toMatchObject([{ task_id: TASK_ID, epoch: 1 }]);

    agent.connect();
    control.send({ type: 'accepted', task_id: TASK_ID, epoch: 1 });
    expect(agent.assignment).toMatchObject({ task_id: TASK_ID, epoch: 1, messages_done: 0, messages_last: 1 });
    expect(agent.commandsOf('message')).toEqual([{ number: 1, text: 'Do it', delivery: 'follow_up' }]);
    agent.acknowledge(...agent.commands.map(({ id }) => id));
    expect(await session.view()).toMatchObject({
      status: 'running',
      tasks: [{ status: 'assigned', epoch: 1, attempt: 1, agent_name: 'AGENT-ONE' }],
    });

    for (const frames of work()) {
      await session.advance(1_000);
      agent.send(...frames);
      expect(agent.acked).toBe(agent.head);
      watcher.catchUp();
    }
    expect(await session.view()).toMatchObject({ checkpoint_count: 1, usage: { turns: 1, cost_usd: 0.5 } });

    agent.send(note('that is it'), result(1, { text: 'Written.' }));
    expect(agent.over).toBe('ended');
    watcher.catchUp();
    await session.settle();

    const view = await session.view();
    expect(view).toMatchObject({
      status: 'completed',
      result: { success: true, text: 'Written.' },
      active_seconds: 3,
      health_score: 1,
      tasks: [{ status: 'completed', epoch: 1, agent_name: 'AGENT-ONE', lease_expires_at: null }],
      legal_actions: [],
    });
    expect(await session.runtime.diff(session.call())).toMatchObject({
      value: { checkpoint: 1, files: [{ path: 'one.txt' }], artifact_id: uuidOf('one patch') },
    });

    const events = await session.events();
    expectContiguous(events);
    expectContiguous(watcher.events);
    expect(watcher.faults).toEqual([]);
    expect(watcher.follower.state).toEqual(await session.folded());
    expect(watcher.follower.state.status).toBe(view.status);
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(['session.created', 'message.added']);
    for (const { type, task } of events)
      expect(task, type).toBe(type.startsWith('session.') ? WHOLE_SESSION : IMPLICIT_TASK);
    expect(
      types.filter((type) => type === 'text.delta'),
      'joined when they are read',
    ).toHaveLength(1);
    expect(watcher.follower.state.transcript.find(({ id }) => id === 'part')).toMatchObject({ text: WORDS.join('') });

    expect(registry.runtime.reserve(SLOT), 'the slot is free').toEqual({
      state: 'ended',
    });
    expect(session.destinations.entry?.summary).toMatchObject({
      status: 'completed',
      agent_name: 'AGENT-ONE',
      cost_usd: 0.5,
    });
    unwrap(await session.runtime.rate(session.call(), TASK_ID, { quality: 0.9 }));
    await session.settle();
    expect(unwrap(registry.runtime.performance(callFrom(WORKSPACE), agent.id))).toMatchObject({
      counts: { completed: 1 },
      quality: 0.9,
      cost_usd: 0.5,
    });
    expect([...session.destinations.runs.values()]).toMatchObject([
      { run: 1, status: 'completed', attempts: 1, agent_name: 'AGENT-ONE', active_ms: 3_000, usage: { turns: 1 } },
    ]);
  });
});
