import { describe, expect, it } from 'vitest';
import { checkpoint, note, released, result } from './fake-agent.ts';
import { failureOf, SessionInProcess, unwrap } from './harness.ts';

async function send(session: SessionInProcess, words: string, delivery?: 'steer' | 'follow_up') {
  return unwrap(await session.runtime.send(session.call(), { text: words, ...(delivery && { delivery }) }));
}

describe('a message', () => {
  it('steers the running turn unless its delivery is follow_up', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    expect(await send(session, 'Mind the tests')).toEqual({ number: 2, delivery: 'steer' });
    expect(await send(session, 'Then document it', 'follow_up')).toEqual({ number: 3, delivery: 'follow_up' });
    expect(agent.commandsOf('message').slice(1)).toEqual([
      { number: 2, text: 'Mind the tests', delivery: 'steer' },
      { number: 3, text: 'Then document it', delivery: 'follow_up' },
    ]);
  });

  it('becomes the next prompt if no turn is running', async () => {
    const session = new SessionInProcess();
    await session.create();
    expect(await send(session, 'One more thing', 'steer')).toEqual({ number: 2, delivery: 'follow_up' });
    await session.act('start');
    const agent = session.agent().connect();
    expect(agent.assignment?.messages_last).toBe(2);
    expect(agent.commandsOf('message').map(({ number }) => number)).toEqual([1, 2]);
  });

  it('is sent again after a reconnect until the agent has acknowledged it', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.acknowledge(...agent.commands.map(({ id }) => id));
    agent.client?.vanish();
    await send(session, 'While you were away');
    agent.commands = [];
    agent.connect();
    expect(agent.commandsOf('message')).toMatchObject([{ number: 2 }]);
    agent.acknowledge(agent.commands[0]!.id).commands = [];
    agent.client?.vanish();
    expect(agent.connect().commandsOf('message')).toEqual([]);
  });

  it('goes to the next agent if no checkpoint of the last agent covers it', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await send(session, 'second');
    await send(session, 'third');
    agent.acknowledge(...agent.commands.map(({ id }) => id));
    agent.send(...checkpoint('one', { messages_done: 2 }), released('shutdown'));
    await session.advance(1);
    const next = session.agent(2, 'AGENT-TWO').connect();
    expect(next.assignment).toMatchObject({ messages_done: 2, messages_last: 3 });
    expect(next.commandsOf('message').map(({ number }) => number)).toEqual([3]);
  });

  it('that a result does not cover continues the lease', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await send(session, 'Wait, also this');
    agent.send(result(1));
    expect(agent.acked).toBe(1);
    expect(agent.over).toBeNull();
    expect(await session.status()).toBe('running');
    agent.send(note('doing it'), result(2));
    expect(agent.over).toBe('ended');
    expect(await session.status()).toBe('completed');
  });

  it('to a session that has ended is refused with the actions that restart the session', async () => {
    const session = new SessionInProcess();
    const agent = await session.begun();
    agent.send(result(1, { status: 'failed' }));
    const before = session.platform.dump();
    expect(failureOf(await session.runtime.send(session.call(), { text: 'Hello?' }))).toMatchObject({
      code: 'illegal_transition',
      legal_actions: ['retry'],
    });
    await session.settle();
    expect(session.rows('messages')).toEqual(before.messages);
  });

  it('is refused when a hundred messages are waiting', async () => {
    const session = new SessionInProcess();
    await session.create();
    for (let number = 2; number <= 100; number++) await send(session, `message ${number}`);
    expect(failureOf(await session.runtime.send(session.call(), { text: 'one too many' })).code).toBe(
      'too_many_requests',
    );
    expect(session.rows('messages')).toHaveLength(100);
  });
});

describe('a retry', () => {
  async function failedAfterTwoCheckpoints(): Promise<SessionInProcess> {
    const session = new SessionInProcess();
    const agent = await session.begun();
    await send(session, 'second');
    agent.send(...checkpoint('one', { messages_done: 1 }), ...checkpoint('two', { messages_done: 2 }));
    agent.send(result(2, { status: 'failed' }));
    return session;
  }

  it.each([
    { from: 'last', number: 2, done: 2, messages: [] },
    { from: 1, number: 1, done: 1, messages: [2] },
    { from: 'fresh', number: undefined, done: 0, messages: [1, 2] },
  ] as const)(
    'from $from continues from there, with new attempts and a new time limit',
    async ({ from, number, done, messages }) => {
      const session = await failedAfterTwoCheckpoints();
      const view = await session.act({ action: 'retry', body: { from } });
      expect(view).toMatchObject({ status: 'queued', error: null, result: null, active_seconds: 0, started_at: null });
      const agent = session.agent(2, 'AGENT-TWO').connect();
      expect(agent.assignment?.messages_done).toBe(done);
      expect(agent.assignment?.checkpoint?.number).toBe(number);
      expect(agent.assignment?.is_start_chosen ?? false).toBe(from !== 'last');
      expect(agent.commandsOf('message').map((message) => message.number)).toEqual(messages);
      expect((await session.view()).tasks).toMatchObject([{ attempt: 1, epoch: 2 }]);
    },
  );

  it('from a checkpoint uses that checkpoint in every epoch until there is a newer one', async () => {
    const session = await failedAfterTwoCheckpoints();
    await session.act({ action: 'retry', body: { from: 1 } });
    session.agent(2).connect().send(released('shutdown'));
    await session.advance(1);
    const third = session.agent(3).connect();
    expect(third.assignment?.checkpoint?.number).toBe(1);
    third.send(...checkpoint('three', { messages_done: 2 }), released('shutdown'));
    await session.advance(1_000);
    const { checkpoint: newest, is_start_chosen } = session.agent(4).connect().assignment!;
    expect(newest?.number).toBe(3);
    expect(is_start_chosen).toBeUndefined();
  });

  it('from a missing checkpoint gets a 404 and changes nothing', async () => {
    const session = await failedAfterTwoCheckpoints();
    await session.settle();
    const before = session.platform.dump();
    expect(failureOf(await session.tryTo({ action: 'retry', body: { from: 9 } })).code).toBe('not_found');
    await session.settle();
    expect(session.platform.dump()).toEqual(before);
  });
});

it('a message goes past a task that waits with its result to the one that is worked on', async () => {
  const session = new SessionInProcess();
  await session.create();
  const depends_on = [{ task: 'a', dependency_type: 'finish_to_finish' as const, is_required: true }];
  await session.addTasks({ depends_on }, { name: 'a' });
  await session.act({ action: 'start' });
  session.agentOf(2).connect().send(result(99));
  if (session.task(3).reserved_at === null) throw new Error('the other task asks for an agent');
  const agent = session.agentOf(3).connect();
  expect(session.task(2)).toMatchObject({ status: 'in_progress', outcome: 'whole' });
  await send(session, 'Mind the tests');
  expect(agent.commandsOf('message').map(({ text }) => text)).toContain('Mind the tests');
});
