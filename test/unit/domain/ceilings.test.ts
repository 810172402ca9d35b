import fc from 'fast-check';
import { expect, test } from 'vitest';
import { settingOf } from '../../../src/configuration/settings.ts';
import { spellDuration } from '../../../src/domain/duration.ts';
import {
  boundsOf,
  type CallCounts,
  countCall,
  countRetry,
  endStreaks,
  judgeCalls,
  type ModelCall,
  NO_CALLS,
  settingOfCeiling,
} from '../../../src/domain/session/ceilings.ts';
import { type CeilingName, Ceilings } from '../../../src/protocol/session/ceilings.ts';

const call = (changes: Partial<ModelCall> = {}): ModelCall => ({
  conversation: 'main',
  isSummary: false,
  finish: 'tool-calls',
  hasText: false,
  cost_usd: 0.25,
  ...changes,
});
const SUMMARY = call({ isSummary: true, finish: 'stop', hasText: true });
const after = (calls: readonly ModelCall[], from: CallCounts = NO_CALLS) => calls.reduce(countCall, from);
const reached = (counts: CallCounts, agent: Parameters<typeof boundsOf>[0]) => judgeCalls(counts, boundsOf(agent, {}));

test('every answered call counts, whatever its end and whosever conversation it belongs to', () => {
  const anyCall = fc.record({
    conversation: fc.constantFrom('main', 'sub-agent'),
    isSummary: fc.boolean(),
    finish: fc.constantFrom('tool-calls', 'stop', 'length', 'unknown', 'other'),
    hasText: fc.boolean(),
    cost_usd: fc.constantFrom(0, 0.25),
  });
  fc.assert(
    fc.property(fc.array(anyCall, { maxLength: 20 }), fc.integer({ min: 1, max: 20 }), (calls, max_turns) => {
      const judged = reached(after(calls), { max_turns });
      expect(judged?.name ?? null).toBe(calls.length >= max_turns ? 'max_turns' : null);
    }),
  );
});

test('the cost is reached when it is spent, and a run that costs nothing never reaches it', () => {
  expect(reached(after([call(), call(), call()]), { max_cost_usd: 1 })).toBeNull();
  expect(reached(after([call(), call(), call(), call()]), { max_cost_usd: 1 })?.error).toEqual({
    code: 'max_cost_usd',
    message:
      'The cost has reached $1.0000; the limit is $1. To allow more, start the agent with a higher OIO_MAX_COST_USD, or retry to allow as much again.',
    retryable: true,
  });
  expect(reached(after(Array(500).fill(call({ cost_usd: 0 }))), { max_cost_usd: 0.01 })).toBeNull();
});

test.for([
  ['no finish reason', call({ finish: 'unknown', hasText: true })],
  ['no text', call({ finish: 'stop' })],
  ['cut by its length', call({ finish: 'length', hasText: true })],
] as const)('answers in a row that are none are counted: %s', ([, empty]) => {
  const whole = call({ finish: 'stop', hasText: true });
  expect(reached(after([empty, empty, call(), empty, whole, empty]), { max_empty_answers: 3 })).toBeNull();
  expect(reached(after([empty, empty, empty]), { max_empty_answers: 3 })?.name).toBe('max_empty_answers');
  const ofTwo = [empty, { ...empty, conversation: 'sub-agent' }, empty];
  expect(reached(after(ofTwo), { max_empty_answers: 3 })).toBeNull();
  expect(reached(after([empty], endStreaks(after([empty, empty]))), { max_empty_answers: 3 })).toBeNull();
});

test('compactions are in a row if few calls come between them', () => {
  const few = [SUMMARY, call(), SUMMARY, call(), call(), SUMMARY];
  expect(reached(after(few), { max_compactions: 3 })?.name).toBe('max_compactions');
  const many = Array.from({ length: 10 }, () => [SUMMARY, call(), call(), call()]).flat();
  expect(reached(after(many), { max_compactions: 2 })).toBeNull();
});

test('retries count until a call is answered, and one wait that is too long is enough', () => {
  const twice = countRetry(countRetry(NO_CALLS, 'busy', 1_000), 'busy', 1_000);
  expect(reached(twice, { max_retries: 2 })).toBeNull();
  expect(reached(countRetry(twice, 'busy', 1_000), { max_retries: 2 })?.error).toMatchObject({ code: 'max_retries' });
  expect(reached(countRetry(after([call()], twice), 'busy', 1_000), { max_retries: 2 })).toBeNull();
  expect(reached(countRetry(NO_CALLS, 'quota', 600_000), { max_retry_wait_seconds: 600 })).toBeNull();
  expect(reached(countRetry(NO_CALLS, 'quota', 5_400_000), { max_retry_wait_seconds: 600 })?.error).toEqual({
    code: 'rate_limited',
    message:
      'The provider asks for a wait of 1 h 30 min; the limit is 10 min. The last error was: “quota”. To allow more, start the agent with a higher OIO_MAX_RETRY_WAIT_SECONDS.',
    retryable: false,
  });
});

test('the lower ceiling applies, and the error says who set it', () => {
  const bounds = boundsOf({ max_turns: 2, max_cost_usd: 9 }, { max_turns: 5, max_cost_usd: 1, max_retries: 3 });
  expect(bounds).toEqual({
    max_turns: { value: 2, setBy: 'agent' },
    max_cost_usd: { value: 1, setBy: 'session' },
    max_retries: { value: 3, setBy: 'session' },
  });
  const message = (agent: number, session: number) =>
    judgeCalls(after([call()]), boundsOf({ max_turns: agent }, { max_turns: session }))?.error.message;
  expect(message(1, 2)).toContain('start the agent with a higher OIO_MAX_TURNS');
  expect(message(2, 1)).toContain('create the session with a higher max_turns in agent_config');
});

test('a duration is spelled in its two largest units', () => {
  const spelled = [0, 1, 59_000, 90_000, 3_600_000, 5_400_000, 2_147_483_574].map(spellDuration);
  expect(spelled).toEqual(['0 s', '1 s', '59 s', '1 min 30 s', '1 h', '1 h 30 min', '24 d 20 h']);
});

test('a session and an agent set a ceiling within the same bounds', () => {
  for (const [name, { minValue, maxValue }] of Object.entries(Ceilings().shape)) {
    const setting = settingOf(settingOfCeiling(name as CeilingName));
    expect(setting.kind.expects, name).toContain(`from ${minValue} to ${maxValue}`);
  }
});
