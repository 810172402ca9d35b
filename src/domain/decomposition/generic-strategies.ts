import type { Capability } from '../../protocol/common/enums.ts';
import { truncated } from '../../protocol/common/text.ts';
import type { Piece, Subject } from './parts.ts';

/** The strategies that fit any task. Each is a function of the task alone. */

const MAX_ITEMS = 20;
const MAX_ITEM_TITLE_CHARS = 60;
/** A line that begins with a bullet or a number. */
const ITEM = /^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+(\S.*)$/gmu;

/** By what has to be made: the items of a list in the description, or data, logic and interface; then tests of all. */
export function byFunction(subject: Subject): Piece[] {
  const items = itemsOf(subject);
  if (items.length > 1) {
    const made = items.map((text, index): Piece => {
      const name = `item-${index + 1}`;
      const title = truncated(text, MAX_ITEM_TITLE_CHARS);
      return { name, title, description: text, hours: 2, ...needing(subject, 'code_generation'), depends_on: [] };
    });
    return [...made, tests(made.map(({ name }) => name))];
  }
  const code = needing(subject, 'code_generation');
  return [
    {
      name: 'data',
      title: 'Data',
      description: 'Make the data model, and how it is stored.',
      hours: 2,
      ...code,
      depends_on: [],
    },
    {
      name: 'logic',
      title: 'Logic',
      description: 'Make the rules that work on the data.',
      hours: 4,
      ...code,
      depends_on: ['data'],
    },
    {
      name: 'interface',
      title: 'Interface',
      description: 'Make the interface by which people or programs use it.',
      hours: 2,
      ...code,
      depends_on: ['data'],
    },
    tests(['logic', 'interface']),
  ];
}

/** Whether the description of a task lists what has to be made. */
export function hasList(subject: Pick<Subject, 'description'>): boolean {
  return itemsOf(subject).length > 1;
}

/** By phases, each after the one before it. */
export function byTime(subject: Subject): Piece[] {
  return [
    {
      name: 'preparation',
      title: 'Preparation',
      description: 'Find out what is there and what is needed, and write it down for those who follow.',
      hours: 1,
      required_capabilities: ['requirements_analysis'],
      depends_on: [],
    },
    {
      name: 'implementation',
      title: 'Implementation',
      description: 'Implement it.',
      hours: 5,
      ...needing(subject, 'code_generation'),
      depends_on: ['preparation'],
    },
    {
      name: 'verification',
      title: 'Verification',
      description: 'Test it, and mend what is wrong.',
      hours: 2,
      required_capabilities: ['testing'],
      depends_on: ['implementation'],
    },
    {
      name: 'completion',
      title: 'Completion',
      description: 'Document it, and tidy up.',
      hours: 1,
      required_capabilities: ['documentation'],
      depends_on: ['verification'],
    },
  ];
}

/** A part for each capability that the task requires, in stages: each stage after the one before it. */
export function byCapability({ required_capabilities }: Subject): Piece[] {
  const needed = required_capabilities.length > 1 ? [...new Set(required_capabilities)] : USUAL;
  const stages = STAGES.map(({ hours, capabilities }) => ({
    hours,
    names: needed.filter((name) => capabilities.includes(name)),
  })).filter(({ names }) => names.length > 0);
  return stages.flatMap(({ hours, names }, index) =>
    names.map((name): Piece => {
      const words = name.replaceAll('_', ' ');
      return {
        name,
        title: words[0]!.toUpperCase() + words.slice(1),
        description: `Do what the task needs of this kind: ${words}.`,
        hours,
        required_capabilities: [name],
        depends_on: stages[index - 1]?.names ?? [],
      };
    }),
  );
}

function itemsOf({ description }: Pick<Subject, 'description'>): string[] {
  return [...description.matchAll(ITEM)]
    .slice(0, MAX_ITEMS)
    .map(([, text]) => tidied(text!))
    .filter((text) => text !== '');
}

/** A text without control characters, which a title may not have. */
function tidied(text: string): string {
  return text.replaceAll(/\p{C}/gu, ' ').trim();
}

function tests(depends_on: string[]): Piece {
  const description = 'Put the parts together, test them as a whole, and mend what is wrong.';
  return { name: 'tests', title: 'Tests', description, hours: 2, required_capabilities: ['testing'], depends_on };
}

/** What the task requires itself, or else the usual. */
function needing({ required_capabilities: own }: Subject, usual: Capability) {
  return { required_capabilities: own.length > 0 ? own : [usual] };
}

const USUAL: readonly Capability[] = [
  'requirements_analysis',
  'system_design',
  'code_generation',
  'testing',
  'documentation',
];

/** The order in which capabilities are needed, and the hours of a part of each. Every capability is in one stage. */
export const STAGES: readonly { hours: number; capabilities: readonly Capability[] }[] = [
  {
    hours: 1,
    capabilities: [
      'requirements_analysis',
      'root_cause_analysis',
      'performance_analysis',
      'troubleshooting',
      'task_decomposition',
      'progress_tracking',
    ],
  },
  {
    hours: 2,
    capabilities: [
      'system_design',
      'architecture_planning',
      'database_design',
      'resource_allocation',
      'workflow_orchestration',
    ],
  },
  {
    hours: 4,
    capabilities: [
      'code_generation',
      'api_development',
      'backend_development',
      'frontend_development',
      'debugging',
      'bug_fixing',
      'refactoring',
      'optimization',
      'configuration',
      'scaling',
      'ci_cd',
      'conflict_resolution',
    ],
  },
  { hours: 2, capabilities: ['test_generation', 'testing'] },
  { hours: 1, capabilities: ['code_review', 'security_audit', 'compliance_check'] },
  { hours: 1, capabilities: ['documentation', 'deployment', 'monitoring'] },
];
