import { SessionPriority } from '../../../src/protocol/common/enums.ts';
import { truncated, visibleLength } from '../../../src/protocol/common/text.ts';
import { defineCommand, exitCode, parseWord } from '../../command.ts';
import { choiceOf, choiceOptions } from './choice.ts';
import { connect, connectionDetails, hint, jsonOption, printLines, printSession } from './common.ts';
import { readText, textOptions } from './text.ts';
import { watchSession } from './watch.ts';

export const create = defineCommand({
  summary: 'Create a session and start it',
  usage: [
    'session create "<prompt>" [--watch] [--title <title>] [--model <provider/model>] [--repository <url>]',
    'session create --file <path>',
  ],
  details: `${connectionDetails}
With --watch, exits with 0 only if the session completes. With --watch --json, the first line is the session and each further line is an event.`,
  arguments: { prompt: 'optional' },
  options: {
    ...textOptions,
    title: { type: 'string', placeholder: 'title', description: "The title (the prompt's first line)" },
    tag: { type: 'string', multiple: true, placeholder: 'tag', description: 'A tag, to filter lists by' },
    model: { type: 'string', placeholder: 'provider/model', description: "The model (the agent's default)" },
    priority: {
      type: 'string',
      placeholder: 'priority',
      description: `The priority in the queue: ${SessionPriority().options.join(', ')} (medium)`,
    },
    ...choiceOptions,
    ask: {
      type: 'string',
      multiple: true,
      placeholder: 'permission',
      description: 'A permission that needs your approval, such as edit; bash then needs it too',
    },
    agent: {
      type: 'string',
      placeholder: 'name',
      description: 'The OpenCode agent, such as plan (the default of OpenCode)',
    },
    repository: {
      type: 'string',
      placeholder: 'url',
      description: 'Only agents whose clone has this URL as a remote get the session',
    },
    ref: { type: 'string', placeholder: 'branch', description: "Start from this branch of origin (the agent's HEAD)" },
    'allow-rebalance': {
      type: 'boolean',
      default: false,
      description: 'Let the running work move from an agent that has too much to do',
    },
    'no-start': { type: 'boolean', default: false, description: 'Create the session without starting it' },
    watch: { type: 'boolean', default: false, description: 'Watch the session until it ends' },
    ...jsonOption,
  },
  async run({ values, args }) {
    const { json } = values;
    const prompt = await readText('prompt', args.prompt, values.file);
    const body = {
      title: values.title ?? titleOf(prompt),
      initial_prompt: prompt,
      tags: values.tag ?? [],
      ...choiceOf(values),
      allow_rebalance: values['allow-rebalance'],
      ...(values.priority === undefined
        ? {}
        : { priority: parseWord('priority', values.priority, SessionPriority().options) }),
      repository: {
        ...(values.repository === undefined ? {} : { url: values.repository }),
        ...(values.ref === undefined ? {} : { ref: values.ref }),
      },
      agent_config: {
        ...(values.model === undefined ? {} : { model: values.model }),
        ...(values.agent === undefined ? {} : { agent: values.agent }),
        ...(values.ask === undefined
          ? {}
          : { permissions: Object.fromEntries(values.ask.map((name) => [parsePermission(name), 'ask' as const])) }),
      },
    };
    const client = connect();
    const created = await client.sessions.create(body);
    const started = values['no-start'] ? created : await client.sessions.act(created.id, 'start');
    if (values.watch) {
      // The id is printed first, so that other commands can use it while the session runs.
      if (json) printLines([JSON.stringify(started)]);
      else printSession(started, false);
      const code = await watchSession(client, created.id, json);
      if (!json) hint(`session diff ${created.id}`);
      return code;
    }
    printSession(started, json);
    if (!json) hint(`session ${values['no-start'] ? 'start' : 'watch'} ${created.id}`);
    return exitCode.ok;
  },
});

/** OpenCode's own permissions. Each tool of an MCP server has a permission too. Its name contains `_`. */
const PERMISSIONS = ['bash', 'edit', 'external_directory', 'read', 'skill', 'task', 'webfetch', 'websearch'];

function parsePermission(name: string): string {
  return /[_*]/.test(name) ? name : parseWord('permission', name, PERMISSIONS);
}

/** A title that the API accepts (3–100 characters, no control characters), from a prompt's first line. */
export function titleOf(prompt: string): string {
  const line = (prompt.trim().split('\n')[0] ?? '').replaceAll(/\p{Cc}/gu, ' ').trim();
  return visibleLength(line) < 3 ? `Prompt: ${line}` : truncated(line, 100);
}
