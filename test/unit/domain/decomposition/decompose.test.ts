import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { graphOf, problemsOf } from '../../../../src/domain/decomposition/check-parts.ts';
import { chooseTemplate, templatesWith } from '../../../../src/domain/decomposition/choose-template.ts';
import { type Decomposition, decompose, type Rules } from '../../../../src/domain/decomposition/decompose.ts';
import { type Part, type Subject, sumOf } from '../../../../src/domain/decomposition/parts.ts';
import { BUILT_IN_TEMPLATES } from '../../../../src/domain/decomposition/templates.ts';
import { findCycle } from '../../../../src/domain/graph/cycle.ts';
import { pertEstimate, type ThreePointEstimate } from '../../../../src/domain/graph/estimate.ts';
import { Capability, TaskPriority } from '../../../../src/protocol/common/enums.ts';
import { MAX_PARTS } from '../../../../src/protocol/common/limits.ts';
import { RULE_STRATEGIES } from '../../../../src/protocol/session/decomposition.ts';
import { Title } from '../../../../src/protocol/session/title.ts';
import { TemplateBody } from '../../../../src/protocol/workspace/task-template.ts';

const SUBJECT: Subject = {
  title: 'Orders',
  description: 'Do it.',
  estimate: null,
  required_capabilities: [],
  priority: 'normal',
};
const RULES: Rules = { strategy: 'auto', apply_templates: true, max_depth: 3, templates: templatesWith([]) };

const hoursOf = ({ parts }: Decomposition) => parts.map(({ name, estimate }) => [name, pertEstimate(estimate).hours]);
const orderOf = ({ parts }: Decomposition) =>
  Object.fromEntries(parts.map(({ name, depends_on }) => [name, depends_on]));
const chosen = (title: string, description = '') => chooseTemplate({ title, description }, templatesWith([]))?.name;

describe('templates', () => {
  it.each(BUILT_IN_TEMPLATES)(
    'the built-in template $name is one that a workspace could add',
    ({ name: _, ...body }) => {
      expect(TemplateBody().parse(body)).toEqual(body);
      expect(problemsOf(body.parts)).toEqual([]);
    },
  );

  it.each([
    ['Build the orders service as a CRUD', 'crud'],
    ['Refactor the web service', 'refactoring'],
    ['Split it into Microservices', 'microservice'],
    ['Front-end of the orders', 'ui'],
    ['A REST API for orders', 'web_service'],
    ['Add OAuth2 login', 'security'],
    ['Create, read, update and delete orders', 'crud'],
  ])('“%s” is for the template %s', (title, name) => {
    expect(chosen(title)).toBe(name);
  });

  it.each([
    'Build it, as requirements require',
    'Name the author of each quotation',
    'Suite of squid guides',
    'Rapid capital',
  ])('a word in a word is no trigger: “%s”', (title) => {
    expect(chosen(title, title)).toBeUndefined();
  });

  it('a template that fits the title goes before a more specific one that only fits the description', () => {
    expect(chosen('Build the dashboard', 'It shows the CRUD service.')).toBe('ui');
    expect(chosen('Build the orders', 'A dashboard over a CRUD service.')).toBe('crud');
  });

  it('a template of the workspace replaces the built-in one of its name, and counts as more specific than others', () => {
    const { parts } = BUILT_IN_TEMPLATES[0]!;
    const own = { name: 'orders', triggers: ['orders'], specificity: 80, raises_priority: false, parts };
    const other = { ...own, name: 'crud', triggers: ['everything'], specificity: 1 };
    const templates = templatesWith([own, other]);
    expect(chooseTemplate({ title: 'A CRUD of orders', description: '' }, templates)?.name).toBe('orders');
    expect(chooseTemplate({ title: 'A CRUD', description: '' }, templates)).toBeNull();
    expect(templates.map(({ name }) => name).toSorted()).toEqual(
      [...BUILT_IN_TEMPLATES.map(({ name }) => name), 'orders'].toSorted(),
    );
  });

  it('a web service is made in five steps, one after the other', () => {
    const made = decompose({ ...SUBJECT, title: 'A web service' }, RULES)!;
    expect(hoursOf(made)).toEqual([
      ['requirements', 2],
      ['design', 4],
      ['implementation', 8],
      ['testing', 4],
      ['deployment', 2],
    ]);
    expect(orderOf(made)).toEqual({
      requirements: [],
      design: ['requirements'],
      implementation: ['design'],
      testing: ['implementation'],
      deployment: ['testing'],
    });
  });

  it('the operations of a CRUD are made in parallel, and tested together', () => {
    const operations = ['create', 'read', 'update', 'delete'];
    expect(orderOf(decompose({ ...SUBJECT, title: 'A CRUD' }, RULES)!)).toEqual({
      ...Object.fromEntries(operations.map((name) => [name, []])),
      tests: operations,
    });
  });

  it('the parts of security work have a higher priority than the task', () => {
    const { parts } = decompose({ ...SUBJECT, title: 'Login' }, RULES)!;
    expect(new Set(parts.map(({ priority }) => priority))).toEqual(new Set(['high']));
  });

  it('the strategy template does not apply where no template fits', () => {
    expect(decompose(SUBJECT, { ...RULES, strategy: 'template' })).toBeNull();
  });
});

describe('generic strategies', () => {
  it('auto takes capabilities, then a list, then phases', () => {
    const strategyOf = (changes: Partial<Subject>) => decompose({ ...SUBJECT, ...changes }, RULES)!.strategy;
    expect(strategyOf({ required_capabilities: ['testing', 'documentation'], description: '- a\n- b' })).toBe(
      'capability',
    );
    expect(strategyOf({ description: '- a\n- b' })).toBe('functional');
    expect(strategyOf({})).toBe('temporal');
    const rules = { ...RULES, apply_templates: false };
    expect(decompose({ ...SUBJECT, title: 'A CRUD' }, rules)!.strategy).toBe('temporal');
  });

  it('functional makes a part of each item of a list, and tests after all', () => {
    const made = decompose(
      { ...SUBJECT, description: 'Make:\n- the ledger\n 2. the journal' },
      { ...RULES, strategy: 'functional' },
    )!;
    expect(made.parts.map(({ title }) => title)).toEqual([
      'the ledger: Orders',
      'the journal: Orders',
      'Tests: Orders',
    ]);
    expect(orderOf(made)).toEqual({ 'item-1': [], 'item-2': [], tests: ['item-1', 'item-2'] });
  });

  it('capability makes a part of each required capability, in stages', () => {
    const required_capabilities = ['testing', 'api_development', 'system_design', 'database_design'] as const;
    const made = decompose({ ...SUBJECT, required_capabilities }, { ...RULES, strategy: 'capability' })!;
    expect(orderOf(made)).toEqual({
      system_design: [],
      database_design: [],
      api_development: ['system_design', 'database_design'],
      testing: ['api_development'],
    });
  });
});

describe('any decomposition', () => {
  const anyHours = fc.double({ min: 0, max: 10_000, noNaN: true });
  const anyGuesses: fc.Arbitrary<ThreePointEstimate> = fc.tuple(anyHours, anyHours, anyHours).map((hours) => {
    const [optimistic_hours, likely_hours, pessimistic_hours] = hours.toSorted((a, b) => a - b) as [
      number,
      number,
      number,
    ];
    return { optimistic_hours, likely_hours, pessimistic_hours };
  });
  const anySubject: fc.Arbitrary<Subject> = fc.record({
    title: fc.oneof(
      fc.constantFrom(...BUILT_IN_TEMPLATES.flatMap(({ triggers }) => triggers)).map((trigger) => `The ${trigger}`),
      fc.string({ unit: 'grapheme', minLength: 3, maxLength: 100 }).filter((title) => Title().safeParse(title).success),
    ),
    description: fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.string()).map((items) => items.map((one) => `- ${one}`).join('\n')),
    ),
    estimate: fc.option(anyGuesses),
    required_capabilities: fc.subarray(Capability().options),
    priority: fc.constantFrom(...TaskPriority().options),
  });
  const anyRules = fc.record({
    strategy: fc.constantFrom('auto' as const, ...RULE_STRATEGIES),
    apply_templates: fc.boolean(),
    max_depth: fc.integer({ min: 1, max: 5 }),
    templates: fc.constant(RULES.templates),
  });
  const anyMade = fc.tuple(anySubject, anyRules).filter(([subject, rules]) => decompose(subject, rules) !== null);
  const close = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(b)));
  const childrenOf = (parts: Part[], name: string | null) => parts.filter(({ parent }) => parent === name);

  it('is the same each time, has parts with valid titles and unique names, and no cycle', () => {
    fc.assert(
      fc.property(anyMade, ([subject, rules]) => {
        const made = decompose(subject, rules)!;
        expect(decompose(structuredClone(subject), rules)).toEqual(made);
        expect(problemsOf(made.parts)).toEqual([]);
        expect(findCycle(graphOf(made.parts))).toBeNull();
        for (const { title } of made.parts) expect(Title().safeParse(title).success, title).toBe(true);
      }),
    );
  });

  it('has at most so many levels and parts', () => {
    fc.assert(
      fc.property(anyMade, ([subject, rules]) => {
        const { parts } = decompose(subject, rules)!;
        expect(parts.length).toBeLessThanOrEqual(MAX_PARTS);
        for (const { name, parent } of parts) {
          expect(name.split('.').length).toBeLessThanOrEqual(rules.max_depth);
          expect(parent).toBe(name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : null);
        }
      }),
    );
  });

  it('divides each estimate among the parts, on each level', () => {
    fc.assert(
      fc.property(anyMade, ([subject, rules]) => {
        const { parts } = decompose(subject, rules)!;
        const wholes = [{ name: null, estimate: subject.estimate }, ...parts].filter(
          ({ estimate }) => estimate !== null,
        );
        for (const { name, estimate } of wholes) {
          const children = childrenOf(parts, name);
          if (children.length === 0) continue;
          const sum = sumOf(children);
          for (const member of ['optimistic_hours', 'likely_hours', 'pessimistic_hours'] as const) {
            close(sum[member], estimate![member]);
          }
        }
        for (const { estimate } of parts) {
          expect(estimate.optimistic_hours).toBeLessThanOrEqual(estimate.likely_hours);
          expect(estimate.likely_hours).toBeLessThanOrEqual(estimate.pessimistic_hours);
        }
      }),
    );
  });

  it('splits a long part on the next level', () => {
    const estimate = { optimistic_hours: 40, likely_hours: 40, pessimistic_hours: 40 };
    const { parts } = decompose({ ...SUBJECT, title: 'A web service', estimate }, { ...RULES, max_depth: 2 })!;
    expect(parts.filter(({ parent }) => parent === null)).toHaveLength(5);
    expect(childrenOf(parts, 'implementation').map(({ name }) => name)).toEqual([
      'implementation.data',
      'implementation.logic',
      'implementation.interface',
      'implementation.tests',
    ]);
    expect(childrenOf(parts, 'design')).toEqual([]);
  });
});
