import { writeFileSync } from 'node:fs';
import type { SessionDiff } from '../../src/protocol/session/checkpoint.ts';
import { CliError, defineCommand, exitCode, oio } from '../command.ts';
import { DataDirectory } from '../data-directory.ts';
import { prepareScratchRepository } from '../demo/scratch-repository.ts';
import { type ScriptedModel, scriptedModelConfig, startScriptedModel } from '../demo/scripted-model.ts';
import type { LocalAgent } from '../launcher/agent.ts';
import { serve } from '../launcher/serve.ts';
import type { Stack } from '../launcher/stack.ts';
import { SessionRenderer } from '../render.ts';
import { renderDiff } from '../render-diff.ts';
import { paint, say } from '../terminal.ts';
import { followSession } from '../watch.ts';

const example = {
  title: 'Greet the reader',
  file: 'hello.txt',
  text: 'Hello from an OpenCode agent.',
} as const;

const prompt = [
  'say I write a file and read it back.',
  `write ${example.file}: ${example.text}`,
  `run cat ${example.file}`,
].join('\n');

/** The example takes a few seconds. After this time, something is broken and waiting does not help. */
const limitMs = 180_000;

export const demo = defineCommand({
  summary: 'Run an example session on a real OpenCode agent with a scripted model, then keep serving',
  usage: ['demo [--exit]'],
  details: `Everything is real except the model, which follows the lines of a prompt. It needs no key, and nothing leaves this machine. The environment variables are those of "npm start". Only the default data directory differs.`,
  options: {
    exit: {
      type: 'boolean',
      default: false,
      description: 'Exit after the example, with 0 only if it completed and its file is in the diff',
    },
  },
  async run({ values }) {
    const data = DataDirectory.fromEnvironment(process.env, 'demo');
    const model = await startScriptedModel();
    try {
      return await serve({
        data,
        env: process.env,
        prepareAgent: () => prepareAgent(data, model),
        async onReady(stack, signal) {
          say('dashboard', `${stack.url}   (${oio} open signs you in)`);
          const succeeded = await runExample(stack, signal);
          if (!succeeded && !signal.aborted) process.stdout.write(`${paint('red', 'The example did not complete.')}\n`);
          if (values.exit) return succeeded ? exitCode.ok : exitCode.failed;
          const create = `${oio} session create "write notes.txt: hi" --watch`;
          if (!signal.aborted) say('try', `OIO_DATA_DIR='${data.path}' ${create}`);
          return undefined;
        },
      });
    } finally {
      await model.close();
    }
  },
});

async function prepareAgent(data: DataDirectory, model: ScriptedModel): Promise<LocalAgent> {
  const configuration = data.file('demo-opencode.json');
  writeFileSync(configuration, JSON.stringify(scriptedModelConfig(model.url)), { mode: 0o600 });
  return {
    directory: await prepareScratchRepository(data.file('demo-repository')),
    capacity: 4,
    labels: [],
    args: ['--opencode-config', configuration],
  };
}

/** Runs the example session and prints its events. @returns whether it completed with its file in the diff */
async function runExample(stack: Stack, signal: AbortSignal): Promise<boolean> {
  const { sessions } = stack.client;
  const { id } = await sessions.create({ title: example.title, initial_prompt: prompt, tags: ['demo'] });
  process.stdout.write(`\n${prompt.replace(/^/gm, `${paint('dim', '›')} `)}\n\n`);
  await sessions.act(id, 'start');
  const agents = await stack.client.agents.list();
  if (!agents.some(({ connected }) => connected)) {
    process.stdout.write(`${paint('dim', '· the session waits for the agent, which starts OpenCode')}\n`);
  }
  const renderer = new SessionRenderer(id);
  const limit = AbortSignal.timeout(limitMs);
  const status = await Promise.race([
    followSession(stack.client, id, {
      signal: AbortSignal.any([signal, limit]),
      onEvent: (event) => {
        for (const line of renderer.render(event)) process.stdout.write(`${line}\n`);
      },
    }),
    stack.gaveUp.then((name) => {
      throw new CliError(`The demo cannot continue without its ${name} process.`, exitCode.environment);
    }),
  ]);
  if (status === undefined) return false;
  const diff = await sessions.diff(id);
  process.stdout.write(`\n${renderDiff(diff).join('\n')}\n\n`);
  return status === 'completed' && holdsExample(diff);
}

function holdsExample({ files, patch }: SessionDiff): boolean {
  return files.some(({ path }) => path === example.file) && patch.includes(`+${example.text}`);
}
