import { hasEnded, legalActions } from '../../../src/domain/session/session-machine.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { type Outcome, refuse } from '../../../src/protocol/common/errors.ts';
import { taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { SessionParts } from '../parts.ts';
import { readBlockage, type TaskRow } from '../rows.ts';
import type { Place } from './stored-graph.ts';

type Needs = Pick<
  SessionParts,
  'records' | 'details' | 'graph' | 'storedGraph' | 'deliveryTasks' | 'gates' | 'leases' | 'transitions' | 'projections'
>;

/** The most tasks of a cycle that an error names. */
const SHOWN_OF_CYCLE = 10;
const MAX_TASK_IDS = 100;
const IS_DELIVERED =
  'An agent is delivering the work of the session. Wait for its end, and then retry what is to change.';

/** What all changes of the graph have in common: when they are refused, and what records them. */
export class GraphChanges {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Why the graph cannot change now; null if it can. @param expected the version for which the change is meant */
  whyNot(expected: number | undefined): Outcome<never> | null {
    const { status, graph_version } = this.#parts.records.session();
    if (hasEnded(status)) {
      return refuse('illegal_transition', `The session is ${status}, so its tasks cannot change.`, {
        legal_actions: legalActions(status),
      });
    }
    const delivered = this.whyDelivered();
    if (delivered) return delivered;
    if (expected === undefined || expected === graph_version) return null;
    const detail = `The graph has version ${graph_version} by now. Read it again before you change it.`;
    return refuse('stale_graph', detail, { current: { graph_version } });
  }

  /**
   * The refusal of tasks that would wait for each other. If they do not, the graph has them now: store their rows.
   * @param changed new or changed tasks
   */
  whyCyclic(changed: readonly Place[]): Outcome<never> | null {
    const { records, graph } = this.#parts;
    const cycle = graph.tryPut(changed);
    if (!cycle) return null;
    const { id } = records.session();
    const places = new Map(changed.map((place) => [place.number, place]));
    const path = cycle.map((number) => places.get(number) ?? records.task(number)!);
    const shown = path.slice(0, SHOWN_OF_CYCLE).map(({ title }) => `“${title}”`);
    const titles = [...shown, ...(path.length > SHOWN_OF_CYCLE ? ['…'] : [])].join(' → ');
    const detail = `The tasks would wait for each other: ${titles}. Leave one of the dependencies out.`;
    const current = { path: path.slice(0, MAX_TASK_IDS).map(({ number }) => taskIdOf(id, number)) };
    return refuse('dependency_cycle', detail, { current });
  }

  /** Records a change of the stored graph, and lets it go on. @returns the new version */
  record(changed: readonly Place[], removed: readonly TaskRow[] = []): number {
    const { storedGraph, gates, transitions, projections } = this.#parts;
    const gone = [...removed, ...this.#withdrawDelivery()];
    const version = storedGraph.record(changed, gone);
    const affected = new Set(changed.flatMap(({ number, parent }) => (parent === null ? number : [number, parent])));
    for (const number of affected) this.#takeBack(number);
    for (const row of removed) {
      gates.left(row);
      if (row.parent !== null) this.#standAlone(row.parent);
    }
    transitions.settle({ reason: 'graph_changed' });
    projections.changed();
    return version;
  }

  /** Why no task can start again or be added: an agent is delivering the work; null if none is. */
  whyDelivered(): Outcome<never> | null {
    const { records, deliveryTasks } = this.#parts;
    const last = deliveryTasks.own();
    if (!last || isFinal(last) || !records.liveLease(last.number)) return null;
    return refuse('illegal_transition', IS_DELIVERED, { legal_actions: legalActions(records.session().status) });
  }

  /** Takes the delivery back, because there will be other work. It is added again when that is done. */
  withdrawDelivery(): void {
    const gone = this.#withdrawDelivery();
    if (gone.length > 0) this.#parts.storedGraph.record([], gone);
  }

  #withdrawDelivery(): TaskRow[] {
    const { records, details, leases, deliveryTasks } = this.#parts;
    const last = deliveryTasks.own();
    if (!last || isFinal(last)) return [];
    leases.end(last.number, 'lost', 'graph_changed');
    records.removeTask(last.number);
    details.remove(last.number);
    records.update({ delivery: null });
    return [last];
  }

  /** A task that has lost its last subtask is worked on itself. */
  #standAlone(number: number): void {
    const { records, graph, transitions } = this.#parts;
    const row = records.task(number);
    if (row && !isFinal(row) && !graph.isParent(number)) transitions.task(number, { status: 'pending' });
  }

  /**
   * Puts a ready task back to `pending` if the edit gave it subtasks or an unmet dependency. Unblocks a task whose gate no
   * longer holds it.
   */
  #takeBack(number: number): void {
    const { records, graph, gates, leases, transitions } = this.#parts;
    const row = records.task(number)!;
    const mayStart = graph.live.mayStart(number) && !graph.isParent(number);
    if (row.status === 'blocked') {
      const isOfGate = readBlockage(row)?.kind === 'task_gate';
      if (isOfGate && (!mayStart || gates.isFree(row))) transitions.task(number, { status: 'pending' });
      return;
    }
    if (row.status !== 'ready' || mayStart) return;
    if (row.reserved_at !== null) leases.end(number, 'lost', 'graph_changed');
    transitions.task(number, { status: 'pending', setback: null });
  }
}
