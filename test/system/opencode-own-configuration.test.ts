import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scriptedModelConfig } from '../../cli/demo/scripted-model.ts';
import { OpenCodeClient } from '../../runner/opencode/client.ts';
import { OpenCodeServer } from '../../runner/opencode/server.ts';
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
    source: { kind: 'own', environment },
    marker: `own-${process.pid}-${count}`,
    path: process.env.PATH,
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

test('the user’s configuration is used with the variables that it names, and no tool sees the keys', async () => {
  const { provider, model: name, permission } = scriptedModelConfig('{env:MY_MODEL_URL}') as Record<string, unknown>;
  const text = `{ // comments are fine\n "model": "${name}", "enabled_providers": ["demo", "anthropic"],
    "permission": ${JSON.stringify(permission)}, "provider": ${JSON.stringify(provider)} }`;
  const home = personHome('configured', {
    '.config/opencode/opencode.jsonc': text,
    '.local/share/opencode/auth.json': JSON.stringify({ anthropic: { type: 'api', key: 'stored-secret' } }),
  });
  const environment = { HOME: home, MY_MODEL_URL: model.url, OPENAI_API_KEY: 'env-secret', UNRELATED: 'no' };
  await withServer(environment, async (client, server) => {
    expect(await client.defaultModel()).toBe('demo/scripted');
    expect((await client.listModels()).some((id) => id.startsWith('anthropic/'))).toBe(true);
    const directory = createRepository(join(scratch.path, 'project'));
    const id = await client.createConversation({ directory, title: 'A test', permissions: [] });
    const rig = { directory, marker: '', server, client, signals: [], stop: async () => undefined };
    await promptAndWait(rig, id, 'run env');
    const [tools = ''] = toolOutputs(await client.messages(id));
    expect(tools).toContain(`HOME=${home}\n`);
    expect(tools).not.toContain('secret');
    expect(tools).not.toContain('MY_MODEL_URL');
    expect(tools).not.toContain('UNRELATED');
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
