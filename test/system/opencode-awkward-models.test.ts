import { expect, test } from 'vitest';
import { type AwkwardName, startAwkwardModel } from '../support/awkward-model.ts';
import { makeAssignment, type WorkRig, workFixtureOfFile } from './support/work-rig.ts';

const fixture = workFixtureOfFile(startAwkwardModel);

async function resultOf(name: AwkwardName, agent_config = {}) {
  const work: WorkRig = await fixture.start(makeAssignment({ agent_config }));
  await work.message(`awkward ${name}`);
  return { work, result: await work.frame('result') };
}

test.for([
  ['wrong_key', 'api_error', /^401 .*API key/],
  ['overflow', 'context_overflow_error', /context/],
  ['filtered', 'content_filter_error', /filter/],
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
