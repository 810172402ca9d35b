import { readdirSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import { directory, holdTime, note, start } from './lease-stream.fixture.ts';

holdTime();

test('a lease whose frames no longer fit on the disk is given back after the frames that do', async () => {
  const { session, stream, buffer, told } = start({}, true, 100_000);
  await vi.advanceTimersByTimeAsync(10);
  session.isReachable = false;
  session.cut();
  for (let i = 0; i < 40; i++) stream.append(note(`${i}`.padEnd(5_000, 'x')));
  expect(told).toEqual(['granted', 'full']);
  const { head } = buffer;
  expect(head).toBeGreaterThan(5);
  expect(head).toBeLessThan(40);
  session.isReachable = true;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(session.stored).toHaveLength(head + 1);
  expect(session.stored.at(-1)).toMatchObject({ n: head + 1, type: 'released', data: { reason: 'lost' } });
  // The session's message that the lease has ended is lost with the connection, and the release is sent again.
  session.cut();
  await vi.advanceTimersByTimeAsync(20_000);
  session.tell({ type: 'ended', reason: 'released', saved: 0 });
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual(['granted', 'full', 'ended']);
});

test('a lease whose grant cannot be stored is given back, and its work does not begin', async () => {
  const { session, buffer, told } = start();
  buffer.markGranted = () => {
    throw new Error('database or disk is full');
  };
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual(['full']);
  expect(session.stored).toMatchObject([{ n: 1, type: 'released' }]);
  session.tell({ type: 'ended', reason: 'released' });
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual(['full', 'ended']);
});

test.each([
  [{ type: 'ended' }, 'ended'],
  [{ type: 'lease_lost' }, 'lost'],
  [{ type: 'gone' }, 'gone'],
  [{ type: 'gone', deleted: true }, 'deleted'],
])('the message %o ends the stream and deletes its buffer', async (message, how) => {
  const { session, stream, told } = start();
  await vi.advanceTimersByTimeAsync(10);
  session.tell({ ...message, reason: 'because' });
  await vi.advanceTimersByTimeAsync(10);
  stream.append(note('too late'));
  expect(told).toEqual(['granted', how]);
  expect(readdirSync(directory)).toEqual([]);
});

test('the next lease is begun before the buffer of the one before is deleted', async () => {
  const buffers: string[][] = [];
  const next = { stream_id: 'next', assignment: {}, ttl_ms: 60_000, messages: [] };
  const { session, told } = start({ passed: () => void buffers.push(readdirSync(directory)) });
  await vi.advanceTimersByTimeAsync(10);
  session.tell({ type: 'ended', reason: 'passed_on', saved: 0, next });
  await vi.advanceTimersByTimeAsync(10);
  expect([buffers.flat().length > 0, told, readdirSync(directory)]).toEqual([true, ['granted', 'ended'], []]);
});

test('a closed stream keeps its buffer for a later process', async () => {
  const { session, stream } = start();
  session.losesAcks = true;
  await vi.advanceTimersByTimeAsync(10);
  stream.append(note('kept'));
  stream.close();
  const [left] = FrameBuffer.openAll(directory);
  expect(left?.read(0, 1_000)).toEqual([{ n: 1, ...note('kept') }]);
  left?.drop();
});
