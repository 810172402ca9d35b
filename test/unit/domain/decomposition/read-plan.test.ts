import { expect, it } from 'vitest';
import { partsOfPlan, readPlan } from '../../../../src/domain/decomposition/read-plan.ts';
import { pertEstimate } from '../../../../src/domain/graph/estimate.ts';

const task = (name: string, changes: Record<string, unknown> = {}) => ({
  name,
  title: `Task ${name}`,
  description: 'Do it.',
  ...changes,
});
const read = (...tasks: unknown[]) => readPlan(JSON.stringify({ tasks }));
const problems = (plan: ReturnType<typeof readPlan>) => (plan.ok ? [] : plan.problems);

it('a plan is read with its defaults, also out of a fence and between words', () => {
  const plan = readPlan(`Here it is:\n\`\`\`json\n${JSON.stringify({ tasks: [task('a')] })}\n\`\`\`\nDone.`);
  expect(plan).toMatchObject({ ok: true, tasks: [{ name: 'a', depends_on: [], estimated_hours: 1, paths: [] }] });
});

it.each([
  ['no JSON', 'I cannot do that.', 'no JSON object'],
  ['broken JSON', '{"tasks": [', 'no JSON object'],
  ['no tasks', '{"tasks": []}', 'tasks'],
  [
    'an unknown capability',
    JSON.stringify({ tasks: [task('a', { required_capabilities: ['magic'] })] }),
    'tasks.0.required_capabilities.0',
  ],
  [
    'a task that is too long',
    JSON.stringify({ tasks: [task('a', { estimated_hours: 1_000 })] }),
    'tasks.0.estimated_hours',
  ],
  ['a name twice', JSON.stringify({ tasks: [task('a'), task('a')] }), 'tasks.1.name'],
  ['an unknown dependency', JSON.stringify({ tasks: [task('a', { depends_on: ['b'] })] }), 'there is no part “b”'],
])('a plan with %s is refused, and the problem names what is wrong', (_, answer, problem) => {
  expect(problems(readPlan(answer)).join()).toContain(problem);
});

it('tasks that would wait for each other are refused with their names', () => {
  expect(problems(read(task('a', { depends_on: ['b'] }), task('b', { depends_on: ['a'] }))).join()).toMatch(
    /a → b → a|b → a → b/,
  );
});

it('tasks that may run at the same time must not share files; tasks in an order may', () => {
  const paths = { paths: ['src/**'] };
  const [problem] = problems(read(task('a', paths), task('b', { paths: ['src/orders/*.ts'] })));
  expect(problem).toContain('“a” and “b” may run at the same time');
  expect(read(task('a', paths), task('b', { ...paths, depends_on: ['a'] })).ok).toBe(true);
  const through = read(task('a', paths), task('b', { depends_on: ['a'] }), task('c', { ...paths, depends_on: ['b'] }));
  expect(through.ok).toBe(true);
});

it('no more problems are told than a model can use', () => {
  const many = Array.from({ length: 40 }, () => task('same'));
  expect(problems(read(...many))).toHaveLength(21);
});

it('the parts of a plan share the estimate of the task; without one, they have their own', () => {
  const plan = read(task('a', { estimated_hours: 1 }), task('b', { estimated_hours: 3 }));
  if (!plan.ok) throw new Error('it is valid');
  const subject = { title: 'It', description: '', estimate: null, required_capabilities: [], priority: 'low' as const };
  const hours = (parts: ReturnType<typeof partsOfPlan>) => parts.map(({ estimate }) => pertEstimate(estimate).hours);
  expect(hours(partsOfPlan(plan.tasks, subject))).toEqual([1, 3]);
  const estimate = { optimistic_hours: 8, likely_hours: 8, pessimistic_hours: 8 };
  expect(hours(partsOfPlan(plan.tasks, { ...subject, estimate }))).toEqual([2, 6]);
  expect(partsOfPlan(plan.tasks, subject).map(({ priority }) => priority)).toEqual(['low', 'low']);
});
