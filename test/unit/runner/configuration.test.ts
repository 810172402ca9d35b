import { expect, test } from 'vitest';
import { configure } from '../../../runner/opencode/configuration.ts';

test('a given configuration finds its files in the user’s home, and OpenCode reads nothing else there', () => {
  const config = { provider: { demo: { options: { apiKey: '{file:~/.secrets/key}', other: '{file:./~/x}' } } } };
  const variables = configure({ kind: 'given', config }, '/data/home', 'C:\\Users\\me');
  expect(JSON.parse(variables.OPENCODE_CONFIG_CONTENT ?? '')).toMatchObject({
    provider: { demo: { options: { apiKey: '{file:C:\\Users\\me/.secrets/key}', other: '{file:./~/x}' } } },
  });
  expect(variables.HOME).toBe('/data/home');
});
