import { expect, test } from 'vitest';
import { type AwkwardName, startAwkwardModel } from '../support/awkward-model.ts';
import { makeAssignment, type WorkRig, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile({ startModel: startAwkwardModel });

async function resultOf(name: AwkwardName, agent_config = {}) {
  const work: WorkRig = await fixture.start(makeAssignment({ agent_config }));
  await work.message(`awkward ${name}`);
  return { work, result: await work.frame('result') };
}

test.for([
  ['wrong_key', 'api_error', /^401 .*API key/],
  ['overflow', 'context_overflow_error', /context/],
  ['filtered', 'content_filter_error', /filter/],
  ['huge_error', 'api_error', /^400 Invalid request/],
] as const)('%s: the session fails once, in the words of the provider', async ([name, code, words]) => {
  const { result } = await resultOf(name);
  expect(result).toMatchObject({ status: 'failed', error: { code, retryable: false } });
  expect(result.error?.message).toMatch(words);
});

test.for(['broken_once', 'rate_limit_soon'] as const)('%s: the model is asked again', async (name) => {
  const { result, work } = await resultOf(name);
  expect(result).toMatchObject({ status: 'completed', text: 'recovered' });
  expect(work.of('model.retry')).toHaveLength(1);
});

test('a slow answer is waited for', async () => {
  const { result } = await resultOf('slow');
  expect(result).toMatchObject({ status: 'completed', text: 'slow but whole' });
});

const LOW = { max_compactions: 3, max_empty_answers: 3, max_retries: 2 };

test.for([
  ['no_finish', 'max_empty_answers'],
  ['no_finish_without_text', 'max_empty_answers'],
  ['overflow_text', 'max_compactions'],
  ['overflow_tools', 'max_compactions'],
  ['unavailable', 'max_retries'],
] as const)('%s: a model that is asked again and again ends the session with %s', async ([name, code]) => {
  const { result, work } = await resultOf(name, LOW);
  expect(result).toMatchObject({ status: 'failed', error: { code } });
  expect(result.error?.message).toContain(`a higher ${code} in agent_config`);
  expect(work.of('checkpoint')).toHaveLength(1);
});

test.for(['endless_tools', 'overflow_text', 'no_finish'] as const)(
  '%s: every call of the model counts for max_turns',
  async (name) => {
    const { result, work } = await resultOf(name, { max_turns: 2 });
    expect(result).toMatchObject({ status: 'partial', error: { code: 'max_turns' } });
    expect(work.of('checkpoint')).toHaveLength(1);
  },
);

test('the calls and the cost of earlier attempts count', async () => {
  const usage_before = { turns: 5, cost_usd: 0.5 };
  for (const [agent_config, code] of [
    [{ max_turns: 6 }, 'max_turns'],
    [{ max_cost_usd: 0.501 }, 'max_cost_usd'],
  ] as const) {
    const work = await fixture.start(makeAssignment({ agent_config, usage_before }));
    await work.message('awkward endless_tools');
    expect(await work.frame('result')).toMatchObject({ status: 'partial', error: { code } });
  }
});

test('the agent’s own ceiling applies if the session allows more, and its text says so', async () => {
  const ceilings = { max_turns: 1 };
  const work = await fixture.start(makeAssignment({ agent_config: { max_turns: 9 } }), new Map(), { ceilings });
  await work.message('awkward endless_tools');
  const { error } = await work.frame('result');
  expect(error?.message).toContain('start the agent with a higher OIO_MAX_TURNS');
});

test.for([
  ['rate_limit_seconds', 'used up your tokens'],
  ['rate_limit_date', 'used up your tokens'],
  ['rate_limit_ms', 'used up your tokens'],
  ['rate_limit_bare', 'Too Many Requests'],
] as const)('%s: a wait that is too long fails at once, in the words of the provider', async ([name, words]) => {
  const { result, work } = await resultOf(name, { max_retry_wait_seconds: 60 });
  expect(result).toMatchObject({ status: 'failed', error: { code: 'rate_limited', retryable: false } });
  expect(result.error?.message).toContain(words);
  expect(result.error?.message).toMatch(/a wait of (2 h|1 h 59 min)/);
  expect(work.of('checkpoint')).toHaveLength(1);
});

test('a model that sends nothing is asked again, once', async () => {
  const ceilings = { max_silence_seconds: 1 };
  const start = () => fixture.start(makeAssignment(), new Map(), { ceilings });
  const [recovers, stays] = [await start(), await start()];
  await recovers.message('awkward stalled_once');
  expect(await recovers.frame('result')).toMatchObject({ status: 'completed', text: 'recovered' });
  expect(recovers.of('usage').map(({ unpriced = false }) => unpriced)).toEqual([true, false]);
  await stays.message('awkward stalled');
  expect(await stays.frame('result')).toMatchObject({ status: 'failed', error: { code: 'model_silent' } });
  expect(stays.warnings()).toEqual([expect.stringContaining('it is asked again')]);
});

test('a turn whose usage the provider does not tell is unpriced, and a limit of cost says that it lacks it', async () => {
  const { work } = await resultOf('no_finish', { max_turns: 2, max_cost_usd: 5 });
  expect(work.of('usage')[0]).toMatchObject({ cost_usd: 0, unpriced: true });
  expect(work.warnings()).toEqual([expect.stringContaining('has no known price')]);
});

test.for(['empty', 'reasoning_only', 'cut_without_text'] as const)(
  '%s: an answer that says and changes nothing is no success, and another attempt asks again',
  async (name) => {
    const { result } = await resultOf(name);
    expect(result).toMatchObject({ status: 'failed', messages_done: 0, error: { code: 'no_answer', retryable: true } });
  },
);

test('an answer that its length limit cut off is partial, and says so', async () => {
  const { result } = await resultOf('cut');
  expect(result).toMatchObject({ status: 'partial', messages_done: 1, finish: 'length' });
  expect(result.error).toMatchObject({ code: 'answer_cut_off', message: expect.stringContaining('length limit') });
});

test('a model that only changes files has done its work, and a model that only talks has changed none', async () => {
  const [silent, talker] = [await fixture.start(), await fixture.start()];
  await silent.message('awkward silent_worker');
  expect(await silent.frame('result')).toMatchObject({ status: 'completed', text: '', files_changed: 1 });
  await silent.message('awkward empty');
  expect(await silent.frame('result', 2)).toMatchObject({ status: 'failed', error: { code: 'no_answer' } });
  await talker.message('say all is well');
  expect(await talker.frame('result')).toMatchObject({ status: 'completed', finish: 'stop', files_changed: 0 });
});
