import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scriptedModelConfig } from '../../cli/demo/scripted-model.ts';
import { projectFile } from '../../cli/launcher/project.ts';
import { OpenCodeClient } from '../../runner/opencode/client.ts';
import { OpenCodeServer } from '../../runner/opencode/server.ts';
import { toolEnvironment } from '../../runner/opencode/tool-environment.ts';
import { countServer } from '../support/servers.ts';
import {
  createRepository,
  promptAndWait,
  type ScriptedModel,
  scratchDirectory,
  startScriptedModel,
  toolOutputs,
} from './support/rig.ts';

const scratch = scratchDirectory();
let model: ScriptedModel;
let count = 0;

beforeAll(async () => {
  model = await startScriptedModel();
});
afterAll(async () => {
  await model.close();
  scratch.remove();
});

async function withServer<T>(
  environment: Record<string, string>,
  use: (client: OpenCodeClient, server: OpenCodeServer) => Promise<T>,
): Promise<T> {
  count += 1;
  const directory = join(scratch.path, `server-${count}`);
  mkdirSync(directory);
  const server = new OpenCodeServer({
    directory,
    worktrees: join(directory, 'worktrees'),
    source: { kind: 'own', environment },
    marker: `own-${process.pid}-${count}`,
    tools: toolEnvironment({ PATH: process.env.PATH, ...environment }),
  });
  countServer('OpenCode server');
  await server.start();
  const client = new OpenCodeClient(server);
  try {
    return await use(client, server);
  } finally {
    client.close();
    await server.stop();
  }
}

function personHome(name: string, files: Record<string, string>): string {
  const home = join(scratch.path, name);
  for (const [path, text] of Object.entries({ '.profile': '', ...files })) {
    mkdirSync(join(home, path, '..'), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  return home;
}

/** The output of a command that the model runs. */
async function runTool(client: OpenCodeClient, server: OpenCodeServer, command: string): Promise<string> {
  const directory = createRepository(join(scratch.path, `project-${count}`));
  const id = await client.createConversation({ directory, title: 'A test', permissions: [] });
  const rig = { directory, marker: '', server, client, signals: [], stop: async () => undefined };
  await promptAndWait(rig, id, `run ${command}`);
  return toolOutputs(await client.messages(id))[0] ?? '';
}

/** A configuration with the scripted model at a URL. */
function configuration(url: string): string {
  const { provider, model: name, permission } = scriptedModelConfig(url) as Record<string, unknown>;
  return `{ // comments are fine\n "model": "${name}", "enabled_providers": ["demo", "anthropic"],
    "permission": ${JSON.stringify(permission)}, "provider": ${JSON.stringify(provider)} }`;
}

test('the user’s configuration is used with the variables that it names, and no tool sees the keys', async () => {
  const home = personHome('configured', {
    '.config/opencode/opencode.jsonc': configuration('{env:MY_MODEL_URL}'),
    '.local/share/opencode/auth.json': JSON.stringify({ anthropic: { type: 'api', key: 'planted' } }),
  });
  const keys = ['OPENAI_API_KEY', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'GOOGLE_APPLICATION_CREDENTIALS'];
  keys.push('AZURE_CLIENT_SECRET', 'GITHUB_TOKEN', 'OIO_TOKEN', 'OIO_AGENT_TOKEN', 'OIO_SIGNING_KEYS', 'UNRELATED');
  const planted = Object.fromEntries(keys.map((name) => [name, 'planted']));
  await withServer({ HOME: home, MY_MODEL_URL: model.url, ...planted }, async (client, server) => {
    expect(await client.defaultModel()).toBe('demo/scripted');
    expect((await client.listModels()).some((id) => id.startsWith('anthropic/'))).toBe(true);
    const tools = await runTool(client, server, 'env');
    expect(tools).toContain(`HOME=${home}\n`);
    expect(tools).not.toContain('planted');
    expect(tools).not.toContain('MY_MODEL_URL');
    expect(tools).not.toContain(model.url);
  });
});

test('tools have the user’s environment and programs, and not those of this package', async () => {
  const home = personHome('complete', {
    '.config/opencode/opencode.json': configuration(model.url),
    'bin/node': '#!/bin/sh\necho the node of this user\n',
  });
  chmodSync(join(home, 'bin/node'), 0o755);
  const variables = {
    HOME: home,
    USER: "o'neill",
    TZ: 'Asia/Tokyo',
    LC_ALL: 'C.UTF-8',
    HTTPS_PROXY: 'http://127.0.0.1:9',
    http_proxy: 'http://127.0.0.1:9',
    SSH_AUTH_SOCK: '/run/agent.sock',
    NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt',
    XDG_STATE_HOME: join(home, 'state'),
  };
  const path = [projectFile('node_modules/.bin'), join(home, 'bin'), '/usr/bin', '/bin'].join(delimiter);
  await withServer({ ...variables, PATH: path }, async (client, server) => {
    const output = await runTool(client, server, 'env; node --version; which tsc');
    for (const [name, value] of Object.entries(variables)) expect(output).toContain(`${name}=${value}\n`);
    expect(output).toContain('the node of this user');
    expect(output).not.toContain(projectFile('node_modules/.bin'));
    expect(output).not.toMatch(/XDG_DATA_HOME|NO_PROXY/i);
  });
});

test('a configuration finds its files in the user’s home', async () => {
  const home = personHome('referring', {
    '.config/opencode/opencode.json': configuration('{file:~/.secrets/url}'),
    '.secrets/url': model.url,
  });
  await withServer({ HOME: home }, async (client, server) => {
    expect(await runTool(client, server, 'echo answered')).toBe('answered\n');
  });
});

test('without any configuration there is no model, although OpenCode would use a hosted one', async () => {
  const home = personHome('bare', {});
  await withServer({ HOME: home }, async (client) => {
    expect(await client.defaultModel()).toBeNull();
  });
});

test('a provider key in the environment is a sufficient configuration', async () => {
  const home = personHome('keyed', {});
  await withServer({ HOME: home, ANTHROPIC_API_KEY: 'x' }, async (client) => {
    expect(await client.defaultModel()).toMatch(/^anthropic\//);
  });
});

test('MCP servers of the user and of the repository wait until they are connected, and the user’s plugins stay', async () => {
  const server = { type: 'local', command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'] };
  const home = personHome('with-servers', {
    '.config/opencode/opencode.json': JSON.stringify({
      mcp: { ours: server, disabled: { ...server, enabled: false } },
      plugin: ['./plugin.js'],
    }),
    '.config/opencode/plugin.js': `import { writeFileSync } from 'node:fs';
      export const Plugin = async () => ({ config: async () => writeFileSync(${JSON.stringify(join(scratch.path, 'ran'))}, '') });`,
  });
  await withServer({ HOME: home }, async (client) => {
    const directory = createRepository(join(scratch.path, `project-${count}`));
    writeFileSync(join(directory, 'opencode.json'), JSON.stringify({ mcp: { theirs: server } }));
    expect((await client.waitingMcpServers(directory)).sort()).toEqual(['ours', 'theirs']);
    expect(existsSync(join(scratch.path, 'ran'))).toBe(true);
  });
});
