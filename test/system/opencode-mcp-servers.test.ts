import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { McpServer } from '@modelcontextprotocol/server';
import { expect, onTestFinished, test } from 'vitest';
import { textOf } from '../../cli/demo/conversation.ts';
import { TOOLS_NAME } from '../../runner/mcp/tool-definitions.ts';
import { ToolServer } from '../../runner/mcp/tool-server.ts';
import type { TaskContext } from '../../src/protocol/run/task-context.ts';
import { eventually } from '../support/eventually.ts';
import { startScriptedModel } from './support/rig.ts';
import { makeAssignment, workFixtureOfFile } from './support/work-rig.ts';

const node = (script: string, more = {}) => ({ type: 'local', command: [process.execPath, '-e', script], ...more });

/** An MCP server that answers nothing until a file exists. */
const slowServer = (file: string) => `
const { existsSync } = require('node:fs');
const answers = {
  initialize: ({ protocolVersion }) =>
    ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'slow', version: '1' } }),
  'tools/list': () => ({ tools: [{ name: 'late_tool', inputSchema: { type: 'object' } }] }),
};
const waiting = [];
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => waiting.push(JSON.parse(line)));
setInterval(() => {
  if (!existsSync(${JSON.stringify(file)})) return;
  for (const { id, method, params } of waiting.splice(0)) {
    if (answers[method]) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: answers[method](params) }));
  }
}, 50);`;

const released = join(tmpdir(), `oio-slow-mcp-${process.pid}`);

/** The prompts that the model has got. */
const prompts: string[] = [];
const EXCERPT: TaskContext = {
  layers: [{ context_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', scope: 'session', name: 'main', version: 7 }],
  values: [{ path: '/plan', value: 'first the walls', layer: 0 }],
  left_out: [],
  more: 0,
};

const fixture = workFixtureOfFile({
  startModel: () =>
    startScriptedModel(0, ({ messages = [] }) => {
      prompts.push(...messages.filter(({ role }) => role === 'user').map(textOf));
      return false;
    }),
  config: {
    mcp: {
      slow: node(slowServer(released), { timeout: 600_000 }),
      broken: node('process.exit(3)'),
      disabled: node('process.exit(3)', { enabled: false }),
    },
  },
});

test('the first prompt does not wait for a slow MCP server, which joins the work when it answers', async () => {
  rmSync(released, { force: true });
  const work = await fixture.start();
  await work.message('say hello');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  expect(work.warnings()).toContainEqual(expect.stringContaining('have not answered yet: slow.'));
  expect(work.warnings()).toContainEqual(expect.stringContaining('The MCP server broken cannot be used: '));
  expect(work.warnings()).toHaveLength(2);

  writeFileSync(released, '');
  await eventually(async () => expect(await fixture.rig.client.waitingMcpServers(work.worktree)).toEqual([]));
  await work.message('say hello again');
  expect(await work.frame('result', 2)).toMatchObject({ status: 'completed' });
  expect(work.warnings()).toHaveLength(2);
  rmSync(released);
});

test('the tools of a lease are there in its first prompt, and again after OpenCode was restarted', async () => {
  const server = await ToolServer.start();
  onTestFinished(() => server.close());
  let opened = 0;
  const openTools = () => {
    opened += 1;
    const mounted = server.mount(() => {
      const tools = new McpServer({ name: TOOLS_NAME, version: '1' });
      tools.registerTool('which', { description: 'Says whose it is.' }, () => ({
        content: [{ type: 'text', text: `tools of the lease ${opened}` }],
      }));
      return tools;
    });
    return {
      url: mounted.url,
      contexts: { excerpt: async () => EXCERPT },
      disputes: { merge: async () => null, shown: async () => null, unmerged: () => null },
      close: mounted.unmount,
    };
  };
  const { client, server: openCode } = fixture.rig;
  const work = await fixture.start(makeAssignment(), new Map(), { openTools });
  await work.message(`tool ${TOOLS_NAME}_which {}`);
  expect((await work.frame('result')).text).toContain('tools of the lease 1');
  expect(prompts.at(-1)).toContain('[session, version 7]\n/plan = "first the walls"');

  const restarted = new Promise((resolve) => openCode.once('up', resolve));
  process.kill(openCode.address!.pid, 'SIGKILL');
  await restarted;
  expect(await client.hasMcpServer(work.worktree, TOOLS_NAME)).toBe(false);
  await work.message(`tool ${TOOLS_NAME}_which {}`);
  expect((await work.frame('result', 2)).text).toContain('tools of the lease 1');
  await work.end();
  expect(work.warnings().filter((text) => text.includes('without the tools'))).toEqual([]);
});

test('the log of a task that fails says what it leaves unmerged of the shared context, and of one that is done not', async () => {
  const server = await ToolServer.start();
  onTestFinished(() => server.close());
  const merged: string[] = [];
  const openTools = () => {
    const mounted = server.mount(() => new McpServer({ name: TOOLS_NAME, version: '1' }));
    const merge = async (strategy: string) => {
      merged.push(strategy);
      return null;
    };
    return {
      url: mounted.url,
      contexts: { excerpt: async () => EXCERPT },
      disputes: { merge, shown: async () => null, unmerged: () => 'left unmerged: /plan' },
      close: mounted.unmount,
    };
  };
  const work = await fixture.start(makeAssignment(), new Map(), { openTools });
  await work.message('say hello');
  expect(await work.frame('result')).toMatchObject({ status: 'completed' });
  expect(merged).toEqual(['manual']);
  expect(work.warnings()).not.toContain('left unmerged: /plan');
  await work.message('fail 400');
  expect(await work.frame('result', 2)).toMatchObject({ status: 'failed' });
  expect(work.warnings()).toContain('left unmerged: /plan');
  expect(merged).toEqual(['manual']);
});
