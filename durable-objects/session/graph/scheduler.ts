import type { Move } from '../../../src/domain/graph/live-graph.ts';
import type { SessionParts } from '../parts.ts';
import type { Change } from '../transitions.ts';
import { promptOf } from './prompt.ts';

type Needs = Pick<
  SessionParts,
  | 'records'
  | 'details'
  | 'checkpoints'
  | 'gates'
  | 'deliveryTasks'
  | 'reservations'
  | 'leases'
  | 'passes'
  | 'messages'
  | 'graph'
  | 'works'
>;

/**
 * Lets the graph go on: what follows from the changes of a transaction, and which of the ready tasks ask for an agent.
 */
export class Scheduler {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Makes all changes that follow from those of this transaction. */
  advance(change: Change): void {
    const { records, graph } = this.#parts;
    const isRunning = records.session().intent === 'run';
    graph.willChange();
    do {
      for (let move = graph.live.next(isRunning); move; move = graph.live.next(isRunning)) this.#make(move, change);
    } while (isRunning && !this.#dispatch(change));
  }

  #make({ number, ...changes }: Move, change: Change): void {
    const { gates, reservations, leases, graph } = this.#parts;
    if (changes.status === 'skipped' && !graph.isParent(number)) {
      leases.stop(number, UNREACHABLE);
      return change(number, { ...changes, setback: null, degraded_by: null });
    }
    if (changes.status === 'pending' && !graph.isParent(number)) {
      leases.end(number, 'lost', 'graph_changed');
      return change(number, { ...changes, setback: null });
    }
    if (changes.status === 'ready' && !graph.isParent(number)) {
      const blockage = gates.blockageOf(number);
      if (blockage) return change(number, { status: 'blocked', blocked_by: JSON.stringify(blockage) });
      reservations.renew(number);
      return change(number, { ...changes, setback: null, error: null });
    }
    change(number, changes);
  }

  /**
   * Lets the tasks that go first have an agent, as many as may run at a time: the one whose lease ends now if it can go on
   * with the task, or else one that the registry finds.
   * @returns false if a task has failed instead, from which more follows
   */
  #dispatch(change: Change): boolean {
    const { records, reservations, passes, graph, works } = this.#parts;
    passes.takeWaiting(change);
    const isWaiting = (task: number) => records.task(task)!.reserved_at === null;
    while (graph.busy < records.spec().max_parallel) {
      const number = graph.live.takeReady(isWaiting);
      if (number === null) return true;
      const why = works.whyNot(number);
      if (why !== null) {
        const error = { code: 'too_many_works', message: why, retryable: false };
        change(number, { status: 'failed', error: JSON.stringify(error) });
        return false;
      }
      this.#prepare(number);
      if (passes.take(number, change)) continue;
      reservations.ask(number);
      graph.note(records.task(number)!);
    }
    return true;
  }

  /** Gives a task what its agent gets. */
  #prepare(number: number): void {
    const { records, deliveryTasks } = this.#parts;
    if (records.task(number)!.kind === 'deliver') deliveryTasks.begin(number);
    else this.#addPrompt(number);
  }

  /** The first message of a task is its prompt, with what the tasks before it have reported. */
  #addPrompt(number: number): void {
    const { records, details, messages } = this.#parts;
    const definition = details.definition(number);
    // Integration begins without the model.
    const hasPrompt = definition !== null && definition.description !== '';
    if (!hasPrompt || records.lastMessageOf(number) > 0) return;
    messages.add(number, promptOf(definition, this.#reports(number)), 'follow_up', BY_THE_GRAPH);
  }

  #reports(number: number): { title: string; text: string }[] {
    const { records, details, graph } = this.#parts;
    return graph.doneBefore(number).flatMap((task) => {
      // What a planner has said has become the tasks.
      if (records.task(task)!.kind === 'plan') return [];
      const text = details.result(task)?.text;
      return typeof text === 'string' && text !== '' ? [{ title: records.task(task)!.title, text }] : [];
    });
  }
}

/** Why the agent of a task stops that is skipped. */
const UNREACHABLE = 'dependency_failed';
/** The author of the messages that have the prompts of tasks. */
const BY_THE_GRAPH = 'graph';
