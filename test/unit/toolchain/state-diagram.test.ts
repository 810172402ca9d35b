import { expect, test } from 'vitest';
import { stateDiagram, taskDiagram } from '../../../scripts/state-diagram.ts';
import { TRANSITIONS } from '../../../src/domain/session/session-machine.ts';
import { TASK_TRANSITIONS } from '../../../src/domain/task-machine.ts';

/** Reads `from --> to: trigger, trigger` and `| from, from | trigger | to |`, as one text for each transition. */
function transitionsIn(diagram: string): string[] {
  const words = (text: string) => text.match(/\w+/g) ?? [];
  return diagram.split('\n').flatMap((line) => {
    const [, from, to, triggers] = /^ {2}(\w+) --> (\w+): (.+)$/.exec(line) ?? [];
    if (from !== undefined) return words(triggers!).map((trigger) => `${from} ${trigger} ${to}`);
    const [, sources, trigger, target] = /^\| (`.+`) \| `(\w+)` \| `(\w+)` \|$/.exec(line) ?? [];
    return words(sources ?? '').map((source) => `${source} ${trigger} ${target}`);
  });
}

test.each([
  ['sessions', TRANSITIONS, stateDiagram, 30],
  ['tasks', TASK_TRANSITIONS, taskDiagram, 25],
])('the state diagram of %s has exactly the transitions of the table, each once', (_, table, diagram, least) => {
  const expected = Object.entries(table).flatMap(([from, targets]) =>
    Object.entries(targets).map(([trigger, to]) => `${from} ${trigger} ${to}`),
  );
  expect(expected.length).toBeGreaterThan(least);
  expect(transitionsIn(diagram()).sort()).toEqual(expected.sort());
});
