import { expect, test, vi } from 'vitest';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import { holdTime, start } from './lease-stream.fixture.ts';

holdTime();

const checkpoint: AgentFrameBody = {
  type: 'checkpoint',
  data: {
    turn: 1,
    messages_done: 1,
    base_commit: null,
    patch: null,
    conversation: null,
    files: [],
    local_only: false,
    requested: false,
  },
};

test('a checkpoint is answered when it is acknowledged, also on the next connection, and at the end of the lease', async () => {
  const { session, stream } = start();
  const [answers, expected] = [[] as (boolean | null)[], [] as (boolean | null)[]];
  const save = async () => {
    stream.append(checkpoint);
    void stream.saved().then((isSaved) => answers.push(isSaved));
    await vi.advanceTimersByTimeAsync(10);
  };
  const expectAnswer = async (answer: boolean | null) => {
    await vi.advanceTimersByTimeAsync(20_000);
    expected.push(answer);
    expect(answers).toEqual(expected);
  };
  await vi.advanceTimersByTimeAsync(10);
  await save();
  await expectAnswer(true);
  session.refusesCheckpoints = true;
  await save();
  await expectAnswer(false);
  session.losesAcks = true;
  await save();
  expect(answers).toEqual(expected);
  session.cut();
  await expectAnswer(false);
  session.losesAcks = true;
  await save();
  session.tell({ type: 'ended', reason: 'released', saved: session.stored.length });
  await expectAnswer(true);
});

test.each([
  ['stays without an answer if the session does not say', {}, null],
  ['is answered if the session has it', { saved: 1 }, true],
  ['is answered if the session does not have it', { saved: 0 }, false],
])('a checkpoint of a lease that was lost %s', async (_, told, expected) => {
  const { session, stream } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.losesAcks = true;
  stream.append(checkpoint);
  const answer = stream.saved();
  session.tell({ type: 'lease_lost', reason: 'taken', ...told });
  await vi.advanceTimersByTimeAsync(10);
  expect(await answer).toBe(expected);
});
