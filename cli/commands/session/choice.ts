import { AgentType, Capability, PerformanceTier } from '../../../src/protocol/common/enums.ts';
import { CliError, exitCode, type OptionSpecs, parseWord } from '../../command.ts';

/** The options that say which agents may get a session, and which should. */
export const choiceOptions = {
  label: { type: 'string', multiple: true, placeholder: 'name=value', description: 'A label that the agent must have' },
  capability: {
    type: 'string',
    multiple: true,
    placeholder: 'capability',
    description: 'A capability that the agent must have, such as code_review',
  },
  'min-tier': {
    type: 'string',
    placeholder: 'tier',
    description: `The lowest tier of the agent: ${PerformanceTier().options.join(', ')} (any)`,
  },
  'prefer-label': {
    type: 'string',
    multiple: true,
    placeholder: 'name=value[@weight]',
    description: 'A label that the agent should have, such as gpu=true@0.5; the weight is from 0 to 1 (1)',
  },
  'prefer-type': { type: 'string', placeholder: 'type', description: 'The type that the agent should have' },
  'prefer-agent': { type: 'string', multiple: true, placeholder: 'id', description: 'An agent that should get it' },
  technology: {
    type: 'string',
    multiple: true,
    placeholder: 'technology',
    description: 'A technology that the agent should prefer',
  },
} as const satisfies OptionSpecs;

type Choice = {
  -readonly [Name in keyof typeof choiceOptions]?:
    | ((typeof choiceOptions)[Name] extends { multiple: true } ? string[] : string)
    | undefined;
};

/** The members of a request that the options stand for. @throws CliError for a word or a weight that does not exist */
export function choiceOf(values: Choice) {
  return {
    required_labels: values.label ?? [],
    required_capabilities: (values.capability ?? []).map((text) => parseWord('capability', text, Capability().options)),
    preferred_labels: Object.fromEntries((values['prefer-label'] ?? []).map(weighted)),
    preferred_agent_ids: values['prefer-agent'] ?? [],
    technologies: values.technology ?? [],
    ...(values['prefer-type'] !== undefined && {
      preferred_agent_type: parseWord('agent type', values['prefer-type'], AgentType().options),
    }),
    ...(values['min-tier'] !== undefined && {
      min_performance_tier: parseWord('tier', values['min-tier'], PerformanceTier().options),
    }),
  };
}

/** A label and its weight, from `gpu=true@0.5`. */
function weighted(text: string): [string, number] {
  const at = text.lastIndexOf('@');
  if (at < 0) return [text, 1];
  const weight = /^\d*\.?\d+$/.test(text.slice(at + 1)) ? Number(text.slice(at + 1)) : Number.NaN;
  if (weight >= 0 && weight <= 1) return [text.slice(0, at), weight];
  throw new CliError(
    `--prefer-label must end with a weight from 0 to 1, such as gpu=true@0.5, not "${text}".`,
    exitCode.usage,
  );
}
