import { expect, test } from 'vitest';
import { workFixtureOfFile } from './support/work-rig.ts';

const node = (script: string, more = {}) => ({ type: 'local', command: [process.execPath, '-e', script], ...more });

const fixture = workFixtureOfFile({
  config: {
    mcp: {
      silent: node('setInterval(() => {}, 1000)', { timeout: 8_000 }),
      broken: node('process.exit(3)'),
      disabled: node('process.exit(3)', { enabled: false }),
    },
  },
});

test('the log names the MCP servers that a first prompt waits for, and those that cannot be used', async () => {
  const work = await fixture.start();
  await work.message('say hello');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  const texts = work.of('agent.note').map(({ text }) => text);
  expect(texts).toContainEqual(expect.stringContaining("waits for OpenCode's MCP servers: silent, broken."));
  expect(texts).toContainEqual(expect.stringContaining('The MCP server silent cannot be used: '));
  expect(texts).toContainEqual(expect.stringContaining('The MCP server broken cannot be used: '));
  expect(texts.join('\n')).not.toContain('disabled');
});
