import { describe, expect, it } from 'vitest';
import { buildKit } from '../../../durable-objects/kit/runtime.ts';
import { type EventRow, eventsOf } from '../../../durable-objects/session/log/event-rows.ts';
import { SESSION_SCHEMA } from '../../../durable-objects/session/schema.ts';
import type { NodePlatform } from '../../support/node-platform.ts';
import { storedObject } from '../../support/stored-object.ts';

function rowsOf(platform: NodePlatform, table: string): Record<string, unknown>[] {
  return platform.exec(`SELECT * FROM ${table}`, []);
}

function baseOf(platform: NodePlatform) {
  return JSON.parse(
    rowsOf(platform, 'log_base')
      .map(({ data }) => data)
      .join(''),
  );
}

describe.each(['session-running', 'session-paused', 'session-completed'])('the log of the stored %s', (name) => {
  const old = storedObject(new URL(`first-release/${name}.sql`, import.meta.url));
  const upgraded = storedObject(new URL(`first-release/${name}.sql`, import.meta.url));
  buildKit(upgraded, SESSION_SCHEMA, []);
  const events = (rowsOf(upgraded, 'event_batches') as unknown as EventRow[]).flatMap(eventsOf);

  it('keeps every event with its range, time and data, and has the task only once', () => {
    const before = rowsOf(old, 'events').map(({ seq, from_seq, at, type, data }) => {
      const { task_id: _, ...rest } = JSON.parse(String(data));
      return { seq, from_seq, at: new Date(Number(at)).toISOString(), type, data: rest };
    });
    expect(before.length).toBeGreaterThan(5);
    expect(events.map(({ task: _, ...event }) => event)).toEqual(before);
    for (const { type, task } of events) expect(task, type).toBe(type.startsWith('session.') ? 0 : 1);
  });

  it('has fewer rows than events', () => {
    expect(rowsOf(upgraded, 'event_batches').length).toBeLessThan(events.length);
  });
});

it('the base of a stored session keeps its content, with agent, model and to-do list by task', () => {
  const old = storedObject(new URL('first-release/session-running.sql', import.meta.url));
  const { agent, model, todo, transcript, ...rest } = baseOf(old);
  buildKit(old, SESSION_SCHEMA, []);
  const { tasks, transcript: items, ...kept } = baseOf(old);
  expect(kept).toEqual(rest);
  expect(tasks).toEqual({ 1: { status: 'in_progress', agent, model, todo, usage: rest.usage } });
  expect(items.map(({ task: _, ...item }: { task: number }) => item)).toEqual(transcript);
  for (const { kind, task } of items) expect(task, kind).toBe(kind === 'status' ? 0 : 1);
});
