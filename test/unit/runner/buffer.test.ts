import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FrameBuffer } from '../../../runner/lease/buffer.ts';
import type { AgentFrameBody } from '../../../src/protocol/run/frames.ts';

const MODULE = fileURLToPath(new URL('../../../runner/lease/buffer.ts', import.meta.url));
const lease = {
  task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
  epoch: 3,
  agent_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
  agent_name: 'AGENT-A',
  instance_id: '7f9d3c5e-0f5e-4a53-8a0e-2f6f1f6f7a10',
};
const note = (text: string): AgentFrameBody => ({ type: 'agent.note', data: { level: 'info', text } });

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'oio-buffer-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('frames are numbered from 1, and read in order until they are acknowledged', () => {
  const buffer = FrameBuffer.create(directory, lease);
  for (const text of ['a', 'b', 'c']) buffer.append(note(text));
  buffer.acknowledge(1);
  expect(buffer.read(0, 1_000_000).map((frame) => frame.n)).toEqual([2, 3]);
  expect(buffer.read(2, 1_000_000)).toEqual([{ n: 3, ...note('c') }]);
  buffer.close();
});

test('a frame number is never used twice, even when all earlier frames are acknowledged', () => {
  const first = FrameBuffer.create(directory, lease);
  first.append(note('a'));
  first.acknowledge(1);
  first.close();
  const [again] = FrameBuffer.openAll(directory);
  expect(again?.append(note('b')).n).toBe(2);
  again?.close();
});

test('a read of the buffer is bounded by bytes, but returns at least one waiting frame', () => {
  const buffer = FrameBuffer.create(directory, lease);
  for (let i = 0; i < 4; i++) buffer.append(note('x'.repeat(1_000)));
  expect(buffer.read(0, 2_500).map((frame) => frame.n)).toEqual([1, 2]);
  expect(buffer.read(2, 1).map((frame) => frame.n)).toEqual([3]);
  buffer.close();
});

test('appended frames survive SIGKILL of the process', async () => {
  const script = `
    const { FrameBuffer } = await import(${JSON.stringify(MODULE)});
    const buffer = FrameBuffer.create(${JSON.stringify(directory)}, ${JSON.stringify(lease)});
    buffer.markGranted();
    setInterval(() => {}, 1_000);
    // One read returns at most 500 frames.
    for (let i = 1; i <= 400; i++) {
      buffer.append({ type: 'agent.note', data: { level: 'info', text: String(i) } });
      if (i === 50) console.log('fifty');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const [buffer] = FrameBuffer.openAll(directory);
  const frames = buffer?.read(0, 1e9) ?? [];
  expect(buffer?.lease).toMatchObject({ ...lease, granted: true });
  expect(frames.length).toBeGreaterThanOrEqual(50);
  expect(frames).toEqual(frames.map((_, i) => ({ n: i + 1, ...note(String(i + 1)) })));
  expect(buffer?.head).toBe(frames.length);
  buffer?.close();
});

test('a dropped buffer leaves no file, nor does one whose process was killed while it made the buffer', () => {
  FrameBuffer.create(directory, lease).drop();
  writeFileSync(join(directory, 'empty.lease'), '');
  const database = new DatabaseSync(join(directory, 'begun.lease'));
  database.exec('CREATE TABLE lease (record TEXT NOT NULL, head INTEGER NOT NULL) STRICT');
  database.close();
  expect(FrameBuffer.openAll(directory)).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

test('an unreadable buffer is moved aside, and the log says so', () => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'broken.lease'), 'not a database');
  const lines: string[] = [];
  expect(FrameBuffer.openAll(directory, (line) => lines.push(line))).toEqual([]);
  expect(readdirSync(directory)).toEqual(['broken.lease.unusable']);
  expect(lines).toEqual([expect.stringContaining('broken.lease.unusable')]);
});

test('a new lease of the same task and epoch gets a new stream id', () => {
  const first = FrameBuffer.create(directory, lease);
  const { stream_id } = first.lease;
  first.append(note('a'));
  first.close();
  const second = FrameBuffer.create(directory, lease);
  expect([second.head, second.lease.stream_id === stream_id]).toEqual([0, false]);
  second.close();
});
