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
  const stages = STAGES.map(({ name: stage, hours }) => ({
    hours,
    names: needed.filter((name) => STAGE_OF[name] === stage),
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

/** The order in which capabilities are needed, and the hours of a part of each. */
const STAGES = [
  { name: 'analysis', hours: 1 },
  { name: 'design', hours: 2 },
  { name: 'implementation', hours: 4 },
  { name: 'testing', hours: 2 },
  { name: 'review', hours: 1 },
  { name: 'release', hours: 1 },
] as const;
type Stage = (typeof STAGES)[number]['name'];

const STAGE_OF: Readonly<Record<Capability, Stage>> = {
  requirements_analysis: 'analysis',
  root_cause_analysis: 'analysis',
  performance_analysis: 'analysis',
  troubleshooting: 'analysis',
  task_decomposition: 'analysis',
  progress_tracking: 'analysis',
  system_design: 'design',
  architecture_planning: 'design',
  database_design: 'design',
  resource_allocation: 'design',
  workflow_orchestration: 'design',
  code_generation: 'implementation',
  api_development: 'implementation',
  backend_development: 'implementation',
  frontend_development: 'implementation',
  debugging: 'implementation',
  bug_fixing: 'implementation',
  refactoring: 'implementation',
  optimization: 'implementation',
  configuration: 'implementation',
  scaling: 'implementation',
  ci_cd: 'implementation',
  conflict_resolution: 'implementation',
  test_generation: 'testing',
  testing: 'testing',
  code_review: 'review',
  security_audit: 'review',
  compliance_check: 'review',
  documentation: 'release',
  deployment: 'release',
  monitoring: 'release',
};
