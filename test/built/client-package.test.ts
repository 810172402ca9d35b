import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as exported from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { startBuiltWorker, TOKEN } from './support/built-worker.ts';

const run = promisify(execFile);
const NODE = resolve('node_modules/.bin/node');
const README = readFileSync('src/client/README.md', 'utf8');
/** Documents with programs that use the package, too. */
const GUIDES = [readFileSync('docs/contexts.md', 'utf8')];

/** The programs of the README and of the guides, each with the lines that it says it prints. */
const EXAMPLES = [...[README, ...GUIDES].join('\n').matchAll(/```js\n([\s\S]*?)```/g)].map(([, program = '']) => ({
  program,
  names: /^import \{ (.+) \}/.exec(program)?.[1]?.split(', ') ?? [],
  prints: [...program.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map(([, line]) => line!),
}));

let worker: Awaited<ReturnType<typeof startBuiltWorker>>;
const folder = mkdtempSync(join(tmpdir(), 'oio-client-'));
const project = join(folder, 'project');

/** Makes the tarballs of the package and of its dependency, and installs them into a new project, without a network. */
beforeAll(async () => {
  worker = await startBuiltWorker();
  const source = join(folder, 'package');
  await run(NODE, ['scripts/build-client.ts', source]);
  const pack = (from: string) => run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: from });
  await Promise.all([pack(source), pack('node_modules/zod')]);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--prefix', project, ...tarballs], {
    cwd: folder,
  });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await worker.stop();
});

/** Runs a program as a JavaScript file of the project. @returns the lines that it prints */
async function linesOf(name: string, program: string): Promise<string[]> {
  const file = join(project, `${name}.mjs`);
  writeFileSync(file, program);
  const env = { ...process.env, OIO_URL: worker.url, OIO_TOKEN: TOKEN };
  return (await run(NODE, [file], { env })).stdout.trimEnd().split('\n');
}

it('the README of the client package has an example of each export', () => {
  const shown = new Set(EXAMPLES.flatMap(({ names }) => names));
  expect([...shown].sort()).toEqual(Object.keys(exported).sort());
});

it.each(EXAMPLES)(
  'the installed client runs in plain Node, and its example of $names prints what it says',
  async ({ program, names, prints }) => {
    expect(prints).not.toEqual([]);
    expect(await linesOf(names.join('-'), program)).toEqual(prints);
  },
);

it('the installed client has types for strict TypeScript', async () => {
  writeFileSync(
    join(project, 'typed.mts'),
    `import { createClient, type SessionState, type SessionView } from 'oio-client';
     const client = createClient({ baseUrl: '', token: null });
     export const session: SessionView = await client.sessions.create({ title: 'abc', initial_prompt: 'x' });
     export const title = (state: SessionState): string => state.title;
     // @ts-expect-error A title is a text.
     await client.sessions.create({ title: 1, initial_prompt: 'x' });
     // @ts-expect-error A status is one of a few words.
     if (session.status === 'nothing') client.watchSession(session.id);`,
  );
  const options = ['--noEmit', '--strict', '--target', 'es2024', '--lib', 'es2024,dom', '--module', 'nodenext'];
  await run(resolve('node_modules/.bin/tsc'), [...options, 'typed.mts'], { cwd: project });
});

it('the clients of the protocols’ documents work as plain programs, over a network', async () => {
  const { createClient } = exported;
  const client = createClient({ baseUrl: worker.url, token: TOKEN });
  const { id } = await client.sessions.create({ title: 'A session', initial_prompt: 'hello' });
  const tokenOf = async (role: 'agent' | 'viewer') => (await client.tokens.create({ name: role, role })).token;
  const start = async (file: string, role: 'agent' | 'viewer', ...args: string[]) => {
    const env = { ...process.env, OIO_URL: worker.url, OIO_TOKEN: await tokenOf(role) };
    const ended = run(NODE, [`docs/clients/${file}`, ...args], { env });
    const program = { ended, child: ended.child, printed: '' };
    ended.child.stdout?.on('data', (data) => {
      program.printed += data;
    });
    return program;
  };
  const [agent, watcher] = [await start('agent.js', 'agent'), await start('watch.js', 'viewer', id)];
  agent.ended.catch(() => undefined);
  await client.sessions.act(id, 'start');
  await eventually(async () => expect(await client.sessions.get(id)).toMatchObject({ status: 'completed' }));
  expect((await client.sessions.get(id)).result).toMatchObject({ text: 'You said: hello' });
  const { cursor } = await client.sessions.get(id);
  await eventually(() => expect(watcher.printed).toContain(`"cursor":"${cursor}"`));
  await client.sessions.remove(id);
  expect((await watcher.ended).stderr).toContain('4010');
  agent.child.kill();
});
