import { expect, test } from 'vitest';
import { DEFER_MCP_PLUGIN, deferMcpServers } from '../../../runner/opencode/deferred-mcp.ts';
import { McpServers, type McpServersDependencies } from '../../../runner/work/mcp-servers.ts';
import { eventually } from '../../support/eventually.ts';

/** Servers by name, each with the promise of how its connection ends, and what the log says of them. */
function started(
  servers: Record<string, Promise<string | null>>,
  patienceMs = 0,
  problemOfOwn = (): string | null => null,
) {
  const additions: string[] = [];
  const texts: string[] = [];
  const waiting = new Set(Object.keys(servers));
  const ending = Promise.withResolvers<void>();
  const added = new Set<string>();
  const opencode: McpServersDependencies['opencode'] = {
    addMcpServer: async (_, { name }) => {
      added.add(name);
      additions.push(name);
      return problemOfOwn();
    },
    hasMcpServer: async (_, name) => added.has(name),
    waitingMcpServers: async () => [...waiting],
    connectMcpServer: async (_, name, signal) => {
      const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      const problem = await Promise.race([servers[name]!, aborted]);
      waiting.delete(name);
      return problem;
    },
  };
  const report: McpServersDependencies['report'] = (frame) =>
    void texts.push(frame.type === 'agent.note' ? frame.data.text : frame.type);
  const own = { name: 'ours', url: 'http://127.0.0.1/path', timeoutMs: 1 };
  const mcp = new McpServers({ opencode, directory: '/tree', own, report, ending: ending.promise, patienceMs });
  return { mcp, texts, waiting, added, additions, end: ending.resolve };
}

const never = new Promise<never>(() => undefined);

test('a prompt waits for MCP servers that answer, and the log names those that cannot be used', async () => {
  const { mcp, texts, waiting } = started(
    { good: Promise.resolve(null), broken: Promise.resolve('it exited') },
    60_000,
  );
  await mcp.ready();
  expect([...waiting]).toEqual([]);
  expect(texts).toEqual([expect.stringContaining('The MCP server broken cannot be used: it exited.')]);
});

test('a prompt does not wait for a server that is slow, which joins later', async () => {
  const slow = Promise.withResolvers<string | null>();
  const { mcp, texts, waiting } = started({ slow: slow.promise });
  await mcp.ready();
  expect(texts).toEqual([expect.stringContaining('have not answered yet: slow.')]);
  slow.resolve(null);
  await eventually(() => expect([...waiting]).toEqual([]));
  expect(texts).toHaveLength(1);
});

test('a server is connected once at a time, and again when OpenCode has been restarted', async () => {
  const { mcp, texts, waiting } = started({ slow: never, good: Promise.resolve(null) });
  await mcp.ready();
  await mcp.ready();
  waiting.add('good');
  await mcp.ready();
  await eventually(() => expect([...waiting]).toEqual(['slow']));
  expect(texts.filter((text) => text.includes('cannot be used'))).toEqual([]);
});

test('the runner’s own server is added for the lease, and again when OpenCode has been restarted', async () => {
  const { mcp, texts, added, additions } = started({}, 60_000);
  // The lease before may have left its server in the directory.
  added.add('ours');
  await mcp.ready();
  await mcp.ready();
  expect(additions).toEqual(['ours']);
  added.clear();
  await mcp.ready();
  expect(additions).toEqual(['ours', 'ours']);
  expect(texts).toEqual([]);
});

test('the work goes on without the runner’s own server if it cannot be added, and says so', async () => {
  const { mcp, texts, additions } = started({}, 60_000, () => 'it is closed');
  await mcp.ready();
  await mcp.ready();
  expect(additions).toEqual(['ours', 'ours']);
  expect(texts).toEqual([expect.stringContaining('without the tools for contexts and claims: it is closed.')]);
});

test('the end of a lease ends the attempts, and nothing is said of them', async () => {
  const { mcp, texts, end } = started({ slow: never }, 60_000);
  const ready = mcp.ready();
  end();
  await ready;
  await mcp.ready();
  expect(texts).toEqual([]);
});

test('a configuration keeps its servers, disabled, except those that the person has disabled', async () => {
  const config: Parameters<typeof deferMcpServers>[0] = {
    mcp: { one: {}, two: { enabled: true }, three: { enabled: false } },
  };
  const expected = { mcp: { one: { enabled: false }, two: { enabled: false } } };
  const { DeferMcpServers } = await import(`data:text/javascript,${encodeURIComponent(DEFER_MCP_PLUGIN)}`);
  const ofPlugin = structuredClone(config);
  await (await DeferMcpServers()).config(ofPlugin);
  deferMcpServers(config);
  expect([config, ofPlugin]).toEqual([expected, expected]);
});
