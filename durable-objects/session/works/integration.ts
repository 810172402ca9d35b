import { after } from '../../../src/domain/graph/task-graph.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import type { SessionParts } from '../parts.ts';
import type { TaskRow } from '../rows.ts';
import { startAgain } from '../start-again.ts';
import type { Change } from '../transitions.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'graph' | 'storedGraph' | 'works'>;

const TITLE = 'Merge the work of all tasks';

/**
 * The end of a session whose tasks are done: if more than one of them has work that no other contains, a last task
 * merges it. So it does if the session has checks, because no task has run them on the whole.
 */
export class Integration {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Adds the last task, or starts it again, if one is needed. Every other task has ended. @returns whether it is */
  begin(change: Change): boolean {
    const { graph, storedGraph, works } = this.#parts;
    const last = works.last();
    const known = graph.leaves().find(({ kind }) => kind === 'integrate');
    if (!this.#isNeeded(last.length, known) || known?.status === 'cancelled' || known?.status === 'skipped')
      return false;
    if (known && last.length === 1 && last[0]!.task === known.number) return false;
    // It has had its attempts at the same works.
    if (known && works.hasBegunWith(known.number, last)) return false;
    const before = last.filter(({ task }) => task !== known?.number).map(({ task }) => after(task));
    if (!known) {
      if (!storedGraph.hasRoom()) return false;
      const nothing = { description: '', required_capabilities: [], required_labels: [] };
      storedGraph.addOwn(TITLE, { kind: 'integrate', depends_on: JSON.stringify(before) }, nothing);
      return true;
    }
    startAgain(this.#parts, [known.number], change);
    storedGraph.waitFor(known.number, before);
    return true;
  }

  /** @param count how many works none of the others contains */
  #isNeeded(count: number, known: TaskRow | undefined): boolean {
    if (count > 1) return true;
    const { records, graph } = this.#parts;
    const isOwn = ({ kind }: TaskRow) => kind === 'integrate' || kind === 'resolve' || kind === 'deliver';
    const others = graph.leaves().filter((task) => !isOwn(task) && isFinal(task));
    return count === 1 && others.length > 1 && records.spec().checks.length > 0 && known?.status !== 'failed';
  }
}
