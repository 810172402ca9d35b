import { expect, test } from 'vitest';
import { untilHung } from '../../../runner/opencode/health.ts';

const LIMITS = { pauseMs: 1, limitMs: 5, misses: 3 };
const refuse = () => Promise.reject(new Error('no answer'));

test('a server is hung after a number of unanswered probes in a row', async () => {
  const answers = [refuse, refuse, () => Promise.resolve(), refuse, refuse, refuse];
  const seen: number[] = [];
  const isHung = await untilHung(
    () => answers[seen.length]!(),
    (misses) => seen.push(misses),
    new AbortController().signal,
    LIMITS,
  );
  expect([isHung, seen]).toEqual([true, [1, 2, 0, 1, 2, 3]]);
});

test('a probe that is never answered counts as unanswered', async () => {
  const never = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  expect(await untilHung(never, () => undefined, new AbortController().signal, LIMITS)).toBe(true);
});

test('the watch ends without a verdict when the server has exited', async () => {
  const exited = new AbortController();
  const verdict = untilHung(refuse, () => exited.abort(), exited.signal, LIMITS);
  expect(await verdict).toBe(false);
});
