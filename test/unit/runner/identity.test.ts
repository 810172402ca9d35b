import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadIdentity } from '../../../runner/identity.ts';

let scratch: string;
let data: string;
let lines: string[];
const load = (directory = data) => loadIdentity(directory, (line) => lines.push(line));
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'oio-identity-'));
  data = join(scratch, 'data');
  lines = [];
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

test('an identity is the same at each start, also through a symbolic link', () => {
  const first = load();
  symlinkSync(data, join(scratch, 'link'));
  expect(load()).toEqual(first);
  expect(load(join(scratch, 'link'))).toEqual(first);
  expect(lines).toEqual([]);
});

test('an agent with a copied data directory has its own identity and marker, and not the original’s frames', () => {
  const original = load();
  for (const name of ['leases', 'worktrees']) mkdirSync(join(data, name));
  const copy = join(scratch, 'copy');
  cpSync(data, copy, { recursive: true });
  const other = load(copy);
  expect(other.agent_id).not.toBe(original.agent_id);
  expect(other.marker).not.toBe(original.marker);
  expect(other.secret).not.toBe(original.secret);
  expect(['leases', 'worktrees'].filter((name) => existsSync(join(copy, name)))).toEqual([]);
  expect(['leases', 'worktrees'].filter((name) => existsSync(join(data, name)))).toEqual(['leases', 'worktrees']);
  expect(lines).toEqual([expect.stringContaining('is a copy of')]);
  expect(load(copy)).toEqual(other);
  expect(load()).toEqual(original);
});

test('an agent whose data directory was moved keeps its identity and its frames', () => {
  const { agent_id } = load();
  mkdirSync(join(data, 'leases'));
  const moved = join(scratch, 'moved');
  renameSync(data, moved);
  expect(load(moved).agent_id).toBe(agent_id);
  expect(existsSync(join(moved, 'leases'))).toBe(true);
  expect(lines).toEqual([]);
});

test('a copy made by an earlier version has another marker than its original', () => {
  const written = JSON.stringify({ agent_id: 'an-id', marker: 'a-marker' });
  const copy = join(scratch, 'copy');
  for (const directory of [data, copy]) {
    mkdirSync(directory);
    writeFileSync(join(directory, 'agent.json'), written);
  }
  expect(load().agent_id).toBe('an-id');
  expect(load(copy).marker).not.toBe(load().marker);
});

test.each(['', '{}', '[]', 'null', '{"agent_id":'])('a spoilt file (%j) is moved aside and made anew', (text) => {
  mkdirSync(data);
  writeFileSync(join(data, 'agent.json'), text);
  const identity = load();
  expect(lines).toEqual([expect.stringContaining('agent.json.unusable')]);
  expect(readFileSync(join(data, 'agent.json.unusable'), 'utf8')).toBe(text);
  expect(load()).toEqual(identity);
});

test('an identity of an earlier version gets a secret, which is the same from then on', () => {
  const { agent_id } = load();
  const path = join(data, 'agent.json');
  const { secret: _, ...before } = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify(before));
  const upgraded = load();
  expect(upgraded).toMatchObject({ agent_id, secret: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(load()).toEqual(upgraded);
});
