import { SessionPriority } from '../../../src/protocol/common/enums.ts';
import { truncated, visibleLength } from '../../../src/protocol/common/text.ts';
import { MergeStrategy } from '../../../src/protocol/context/merge.ts';
import { SessionPlan } from '../../../src/protocol/session/decomposition.ts';
import { OnConflictRisk } from '../../../src/protocol/session/requests.ts';
import { type OptionSpecs, parseWord } from '../../command.ts';
import { choiceOf, choiceOptions } from './choice.ts';
import { type DeliverOptions, deliverRequest } from './deliver-options.ts';

/** The options of commands that create a session. */
export const newSessionOptions = {
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
  plan: {
    type: 'string',
    placeholder: 'plan',
    description: `How the session is split into tasks: ${SessionPlan().options.join(', ')} (none)`,
  },
  check: {
    type: 'string',
    multiple: true,
    placeholder: 'command',
    description: 'A command that must succeed before the work is done, such as "npm test"',
  },
  'merge-strategy': {
    type: 'string',
    placeholder: 'how',
    description: `How values that tasks set at the same time are decided: ${MergeStrategy().options.join(', ')} (manual)`,
  },
  'on-conflict-risk': {
    type: 'string',
    placeholder: 'how',
    description: `What follows when two tasks edit the same file: ${OnConflictRisk().options.join(', ')} (note)`,
  },
} as const satisfies OptionSpecs;

type Given = {
  -readonly [Name in keyof typeof newSessionOptions]?:
    | ((typeof newSessionOptions)[Name] extends { multiple: true }
        ? string[]
        : (typeof newSessionOptions)[Name] extends { type: 'boolean' }
          ? boolean
          : string)
    | undefined;
} & DeliverOptions & { deliver?: boolean | undefined };

/** The request that the options stand for. @throws CliError for a word or a weight that does not exist */
export function newSession(prompt: string, values: Given) {
  const isDelivered = values.deliver || values.branch !== undefined || values.push || values.message !== undefined;
  return {
    title: values.title ?? titleOf(prompt),
    initial_prompt: prompt,
    tags: values.tag ?? [],
    ...choiceOf(values),
    allow_rebalance: values['allow-rebalance'] ?? false,
    ...(values.plan !== undefined && { plan: parseWord('plan', values.plan, SessionPlan().options) }),
    ...(values['merge-strategy'] !== undefined && {
      merge_strategy: parseWord('merge-strategy', values['merge-strategy'], MergeStrategy().options),
    }),
    ...(values['on-conflict-risk'] !== undefined && {
      on_conflict_risk: parseWord('on-conflict-risk', values['on-conflict-risk'], OnConflictRisk().options),
    }),
    ...(values.check && { checks: values.check }),
    ...((isDelivered || values.remote !== undefined) && { deliver: deliverRequest(values) }),
    ...(values.priority !== undefined && {
      priority: parseWord('priority', values.priority, SessionPriority().options),
    }),
    repository: {
      ...(values.repository !== undefined && { url: values.repository }),
      ...(values.ref !== undefined && { ref: values.ref }),
    },
    agent_config: {
      ...(values.model !== undefined && { model: values.model }),
      ...(values.agent !== undefined && { agent: values.agent }),
      ...(values.ask && {
        permissions: Object.fromEntries(values.ask.map((name) => [parsePermission(name), 'ask' as const])),
      }),
    },
  };
}

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
