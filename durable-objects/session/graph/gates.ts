import { closedGateOf } from '../../../src/domain/graph/gates.ts';
import { taskNumber } from '../../../src/protocol/common/ids.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import type { ApprovalView } from '../../../src/protocol/session/approval.ts';
import type { SessionParts } from '../parts.ts';
import { type Blockage, readBlockage, type TaskRow } from '../rows.ts';

type Needs = Pick<SessionParts, 'records' | 'details' | 'approvals'>;

/** How much of a task's prompt its approval shows, in UTF-16 code units. */
const SHOWN_CHARS = 2_000;
const NO_LONGER_NEEDED = 'no_longer_needed';

/** The approvals of tasks that a person must allow to start. */
export class Gates {
  readonly #parts: Needs;
  /** Approvals that a task has stopped waiting for since the last `tidy`. */
  readonly #left = new Set<string>();

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** What blocks a task that could start now; null if nothing does. Asks for the approval, if nobody has. */
  blockageOf(number: number): Blockage | null {
    const { records, approvals } = this.#parts;
    const gate = closedGateOf(number, (task) => records.task(task));
    if (gate === null) return null;
    const { title } = records.task(gate)!;
    const id = approvals.openOf(gate, 'task_gate') ?? this.#ask(gate, title).id;
    const of = gate === number ? 'its start' : `the start of “${title}”`;
    return { kind: 'task_gate', approval_id: id, message: `Waits for somebody to approve ${of}.` };
  }

  /** Opens the gate of an approval. The tasks behind it can start from now on. */
  open({ task_id }: Pick<ApprovalView, 'task_id'>): void {
    this.#parts.records.updateTask(taskNumber(task_id), { gate: 'open' });
  }

  /** Whether a blocked task is kept by a gate that is closed no longer. */
  isFree({ number, blocked_by }: Pick<TaskRow, 'number' | 'blocked_by'>): boolean {
    const isGate = readBlockage({ blocked_by })?.kind === 'task_gate';
    return isGate && closedGateOf(number, (task) => this.#parts.records.task(task)) === null;
  }

  /** Notes that a task is not blocked any more. */
  left({ blocked_by }: Pick<TaskRow, 'blocked_by'>): void {
    const blockage = readBlockage({ blocked_by });
    if (blockage) this.#left.add(blockage.approval_id);
  }

  /** Withdraws the approvals for which no task waits any more. */
  tidy(): void {
    if (this.#left.size === 0) return;
    const { records, approvals } = this.#parts;
    const waited = new Set(records.tasks().flatMap((task) => readBlockage(task)?.approval_id ?? []));
    for (const id of this.#left) if (!waited.has(id)) approvals.withdraw(id, NO_LONGER_NEEDED);
    this.#left.clear();
  }

  #ask(gate: number, title: string): ApprovalView {
    const { details, approvals } = this.#parts;
    const prompt = truncated(details.definition(gate)?.description ?? '', SHOWN_CHARS);
    const nothing = { permission: null, patterns: [], always: [], questions: [] };
    return approvals.open(
      gate,
      { kind: 'task_gate', title: `Start “${title}”?`, detail: { prompt }, ...nothing },
      null,
    );
  }
}
