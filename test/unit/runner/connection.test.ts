import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ConnectionEvents, type OpenConnection, ReconnectingSocket } from '../../../runner/lease/connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
  // The longest pause each time.
  vi.spyOn(Math, 'random').mockReturnValue(0.999);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** The opened connections, and the reaction of the other side. */
function connect(answer: (events: ConnectionEvents) => void) {
  const at: number[] = [];
  let closed = 0;
  const open: OpenConnection = (_path, events) => {
    at.push(Date.now());
    setTimeout(() => answer(events), 1);
    return { send: () => undefined, close: () => (closed += 1) };
  };
  const nothing = () => undefined;
  const line: ReconnectingSocket = new ReconnectingSocket(open, '/', {
    opened: nothing,
    received: (message) => (message as { type: string }).type === 'welcome' && line.accepted(),
    closed: nothing,
    activity: nothing,
  });
  return { line, pauses: () => at.slice(1).map((time, i) => time - (at[i] as number)), closed: () => closed };
}

test('a connection that never opens is abandoned and retried', async () => {
  const { line, pauses, closed } = connect(() => undefined);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(pauses().length).toBeGreaterThan(2);
  expect(closed()).toBeGreaterThan(2);
  line.close();
});

test('an agent that is rejected after its first message waits longer before each attempt', async () => {
  const { line, pauses } = connect((events) => {
    events.opened();
    events.received('{"type":"superseded","reason":"another"}');
    events.closed('superseded');
  });
  await vi.advanceTimersByTimeAsync(120_000);
  const [first, second, third] = pauses() as [number, number, number];
  expect([second > first, third > second]).toEqual([true, true]);
  expect(pauses().length).toBeLessThan(20);
  line.close();
});

test('an agent that was accepted reconnects at once after a break', async () => {
  const { line, pauses } = connect((events) => {
    events.opened();
    events.received('{"type":"welcome","agent_id":"a"}');
    events.closed('cut');
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(Math.max(...pauses())).toBeLessThan(1_000);
  line.close();
});
