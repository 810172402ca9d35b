import fc from 'fast-check';
import type { EventBody, SessionEvent } from '../../../src/protocol/events/envelope.ts';

export const AT = '2026-01-01T00:00:00.000Z';
const UUID = '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d';
export const SESSION = '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000';
export const TASKS = [1, 2];
const SESSION_TYPES = new Set(['session.created', 'session.status', 'session.action_requested']);

const words = fc.string({ maxLength: 8 });
const part = fc.constantFrom('a', 'b', 'c');
const partText = fc.record({ message_id: fc.constant('m'), part_id: part, offset: fc.nat(20), text: words });

const checkRun = { round: fc.nat(2), index: fc.nat(1), command: words };

/** Any event of a log, as far as the fold reads it. Ids of approvals and checkpoints belong to one task. */
export const body: fc.Arbitrary<EventBody> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constantFrom('text.delta' as const, 'reasoning.delta' as const), data: partText }),
  },
  fc.record({
    type: fc.constant('part.completed' as const),
    data: fc.record({ message_id: fc.constant('m'), part_id: part, length: fc.nat() }),
  }),
  fc.record({
    type: fc.constant('tool' as const),
    data: fc.record(
      {
        message_id: fc.constant('m'),
        call_id: fc.constantFrom('call-1', 'call-2'),
        tool: fc.constant('bash'),
        state: fc.constantFrom('pending' as const, 'running' as const, 'completed' as const, 'error' as const),
        title: words,
        output: words,
        input: fc.record({ command: words }),
      },
      { requiredKeys: ['message_id', 'call_id', 'tool', 'state'] },
    ),
  }),
  fc.record({
    type: fc.constant('tool.output' as const),
    data: fc.record({
      message_id: fc.constant('m'),
      call_id: fc.constantFrom('call-1', 'call-2'),
      offset: fc.nat(20),
      text: words,
    }),
  }),
  fc.record({
    type: fc.constant('agent.note' as const),
    data: fc.record({ level: fc.constant('info' as const), text: words }),
  }),
  fc.record({
    type: fc.constant('check.started' as const),
    data: fc.record({ ...checkRun, timeout_seconds: fc.constant(600) }),
  }),
  fc.record({
    type: fc.constant('check.ended' as const),
    data: fc.record({
      ...checkRun,
      outcome: fc.constantFrom('passed' as const, 'failed' as const),
      exit_code: fc.constantFrom(0, 1),
      ms: fc.nat(9),
      output: words,
    }),
  }),
  fc.record({ type: fc.constant('file.edited' as const), data: fc.record({ path: words }) }),
  fc.record({
    type: fc.constant('session.status' as const),
    data: fc.record({
      from: fc.constant('queued' as const),
      to: fc.constantFrom('running' as const, 'degraded' as const, 'completed' as const),
      reason: words,
    }),
  }),
  fc.record({
    type: fc.constant('lease.granted' as const),
    data: fc.record({
      epoch: fc.nat(5),
      agent_id: fc.constant(UUID),
      agent_name: fc.constant('AGENT-ONE'),
      checkpoint: fc.constant(null),
    }),
  }),
  fc.record({
    type: fc.constant('lease.ended' as const),
    data: fc.record({ epoch: fc.nat(5), reason: words }),
  }),
  fc.record({
    type: fc.constant('task.status' as const),
    data: fc.record({
      from: fc.constant('ready' as const),
      to: fc.constantFrom('in_progress' as const, 'completed' as const, 'failed' as const),
      epoch: fc.nat(5),
      attempt: fc.nat(3),
    }),
  }),
  fc.record({
    type: fc.constant('message.added' as const),
    data: fc.record({
      number: fc.nat(9),
      text: words,
      delivery: fc.constant('follow_up' as const),
      by: fc.constant('tester'),
    }),
  }),
  fc.record({
    type: fc.constant('todo' as const),
    data: fc.record({ items: fc.array(fc.record({ content: words, status: words }), { maxLength: 3 }) }),
  }),
  fc.record({
    type: fc.constant('turn.started' as const),
    data: fc.record({ turn: fc.nat(3), message: fc.nat(3), model: fc.option(words), agent: fc.constant(null) }),
  }),
  fc.record({
    type: fc.constant('session.action_requested' as const),
    data: fc.record({ action: fc.constantFrom('pause' as const, null), by: fc.constant('tester') }),
  }),
  fc.record({
    type: fc.constant('usage' as const),
    data: fc.record({
      model: fc.option(words),
      sub_agent: fc.boolean(),
      input_tokens: fc.nat(100),
      output_tokens: fc.nat(100),
      reasoning_tokens: fc.nat(100),
      cache_read_tokens: fc.nat(100),
      cache_write_tokens: fc.nat(100),
      cost_usd: fc.nat(100),
      unpriced: fc.option(fc.boolean(), { nil: undefined }),
    }),
  }),
);

export interface Said {
  task: number;
  body: EventBody;
}

export function logOf(said: readonly Said[]): SessionEvent[] {
  return said.map(
    ({ task, body }, index) => ({ from_seq: index + 1, seq: index + 1, at: AT, task, ...body }) as SessionEvent,
  );
}

export function ofTask(task: number): (body: EventBody) => Said {
  return (body) => ({ task: SESSION_TYPES.has(body.type) ? 0 : task, body });
}

const said = fc.tuple(fc.constantFrom(...TASKS), body).map(([task, one]) => ofTask(task)(one));
export const log = fc.array(said, { maxLength: 60 }).map(logOf);

/** Increments of one part that mostly continue each other. */
export const streaming = fc
  .array(fc.record({ text: words, skip: fc.constantFrom(0, 0, 0, 0, 2, -1), after: fc.option(said) }), {
    maxLength: 40,
  })
  .map((steps) => {
    let offset = 0;
    return logOf(
      steps.flatMap(({ text, skip, after }) => {
        const at = Math.max(0, offset + skip);
        offset = at + text.length;
        const data = { message_id: 'm', part_id: 'a', offset: at, text };
        return [{ task: 1, body: { type: 'text.delta' as const, data } }, ...(after ? [after] : [])];
      }),
    );
  });
