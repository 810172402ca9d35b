import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { Command } from '../../../src/protocol/run/assignment.ts';
import { runs } from '../../support/seeds.ts';
import { holdTime, note, start } from './lease-stream.fixture.ts';

holdTime();

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cut' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose_acks' as const) }) },
);

test('through a thousand disconnects and lost acknowledgements, each frame is recorded once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { session, stream, buffer } = start();
      let appended = 0;
      for (const action of steps) {
        if (action.type === 'append') for (let i = 0; i < action.count; i++) stream.append(note(String(++appended)));
        else if (action.type === 'cut') session.cut();
        else if (action.type === 'wait') await vi.advanceTimersByTimeAsync(action.ms);
        else session.losesAcks = true;
      }
      session.cut();
      stream.append(note(String(++appended)));
      await vi.advanceTimersByTimeAsync(40_000);
      expect(session.stored).toEqual(
        Array.from({ length: appended }, (_, i) => ({ n: i + 1, ...note(String(i + 1)) })),
      );
      expect(buffer.read(0, 1_000_000)).toEqual([]);
      stream.discard();
    }),
    runs(150),
  );
});

test('the grant is reported once, however often the connection breaks', async () => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.cut();
  await vi.advanceTimersByTimeAsync(20_000);
  expect([told, session.presented]).toEqual([['granted'], 2]);
  stream.discard();
});

test('a repeated command is acknowledged again but handled once', async () => {
  const { session, stream, told } = start();
  const command: Command = { type: 'checkpoint', data: {} };
  await vi.advanceTimersByTimeAsync(10);
  session.tell({ type: 'command', id: 7, command });
  await vi.advanceTimersByTimeAsync(10);
  session.tell({ type: 'command', id: 7, command });
  await vi.advanceTimersByTimeAsync(10);
  expect([told, session.commandAcks]).toEqual([
    ['granted', 'checkpoint'],
    [7, 7],
  ]);
  stream.discard();
});

test('a command that failed is not acknowledged, and is handled when it is sent again', async () => {
  let attempts = 0;
  const { session, stream } = start({
    command: async () => {
      attempts += 1;
      if (attempts === 1) throw new Error('not now');
    },
  });
  await vi.advanceTimersByTimeAsync(10);
  for (let i = 0; i < 2; i++) {
    session.tell({ type: 'command', id: 1, command: { type: 'checkpoint', data: {} } });
    await vi.advanceTimersByTimeAsync(10);
  }
  expect([attempts, session.commandAcks]).toEqual([2, [1]]);
  stream.discard();
});

test('a connection that breaks over the same frame each time is tried less and less often', async () => {
  const { session, stream } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.breaksOverFrames = true;
  stream.append(note('poison'));
  await vi.advanceTimersByTimeAsync(60_000);
  const inFirstMinute = session.presented;
  await vi.advanceTimersByTimeAsync(600_000);
  // With pauses of 15 s at most and 7.5 s on average, ten minutes have about 80 attempts; without backoff, thousands.
  expect(inFirstMinute).toBeLessThan(60);
  expect(session.presented - inFirstMinute).toBeLessThan(200);
  session.breaksOverFrames = false;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(session.stored).toEqual([{ n: 1, ...note('poison') }]);
  stream.discard();
});
