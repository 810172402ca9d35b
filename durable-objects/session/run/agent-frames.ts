import { addUsage, readUsage } from '../../../src/domain/session/usage.ts';
import { isFinal } from '../../../src/domain/task-status.ts';
import { errorFields } from '../../../src/ports/logger.ts';
import { AgentApprovalKind } from '../../../src/protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { BATCH_BYTES, maxFrameChars } from '../../../src/protocol/common/limits.ts';
import { truncated } from '../../../src/protocol/common/text.ts';
import type { EventBody } from '../../../src/protocol/events/envelope.ts';
import { type AgentFrame, type AgentFrameBody, AskId, readFrame } from '../../../src/protocol/run/frames.ts';
import type { SessionParts } from '../parts.ts';
import type { LeaseRow } from '../rows.ts';
import { bounded } from './results.ts';

type Needs = Pick<
  SessionParts,
  | 'kit'
  | 'records'
  | 'log'
  | 'approvals'
  | 'artifacts'
  | 'files'
  | 'checkpoints'
  | 'checks'
  | 'deliveryTasks'
  | 'conflicts'
  | 'tasks'
  | 'results'
  | 'editWatch'
  | 'projections'
>;
type SummedUsage = Pick<DataOf<'usage'>, 'input_tokens' | 'output_tokens' | 'cost_usd'>;
type DataOf<Type extends AgentFrameBody['type']> = Extract<AgentFrameBody, { type: Type }>['data'];

/** Applies the numbered frames of a lease. Each frame is applied exactly once, or recorded as rejected. */
export class AgentFrames {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Applies the frames that continue the stored stream, in one transaction.
   * @returns up to which number the stream is stored now, and whether frames beyond a gap remain
   */
  take(lease: LeaseRow, frames: readonly unknown[]): { acked: number; gap: boolean } {
    const { kit } = this.#parts;
    let acked = lease.acked;
    const take = (raw: unknown) => {
      const n = numberOf(raw);
      if (n <= acked) return;
      this.#apply(lease, n, raw);
      acked = n;
    };
    const inOrder = contiguousFrom(frames, acked + 1);
    try {
      kit.store.transact(() => {
        for (const raw of inOrder) take(raw);
        this.#acknowledge(lease, acked);
      });
    } catch (error) {
      kit.store.platform.logger('error', 'frames_failed', { epoch: lease.epoch, ...errorFields(error) });
      acked = this.#takeOneByOne(lease, inOrder);
    }
    return { acked, gap: inOrder.length < frames.length };
  }

  /**
   * Applies the frames of a transport that answers each report, in the caller's transaction. If one of them cannot be
   * used, it fails, and the caller must roll back.
   * @returns up to which number the stream is stored
   */
  takeAll(lease: LeaseRow, frames: readonly AgentFrame[]): Outcome<number> {
    const expected = lease.acked + 1;
    if (contiguousFrom(frames, expected).length < frames.length) {
      const detail = `The next report of this lease has the number ${expected}. Send again from there.`;
      return refuse('report_missing', detail, { current: { expected } });
    }
    let acked = lease.acked;
    for (const { n, ...frame } of frames) {
      if (n <= acked) continue;
      const body = frame as AgentFrameBody;
      const problem = isTooLarge(body) ? tooLarge(body) : this.#takeOrAnswer(lease, n, body);
      if (problem !== null) return refuse('validation_failed', `The report ${n} cannot be used: ${problem}.`);
      acked = n;
    }
    if (acked > lease.acked) this.#acknowledge(lease, acked);
    return ok(acked);
  }

  /** Applies a frame. A request for an approval that comes after the end is answered, as it is on a socket. */
  #takeOrAnswer(lease: LeaseRow, n: number, body: AgentFrameBody): string | null {
    const { approvals, records } = this.#parts;
    const { task, epoch } = lease;
    if (body.type !== 'approval.asked' || !isFinal(records.task(task)!)) return this.#use(lease, n, body);
    approvals.refuse(task, epoch, body.data.ask_id, body.data.kind);
    return null;
  }

  /** Applies each frame in its own transaction, so that an invalid frame does not block the others. */
  #takeOneByOne(lease: LeaseRow, frames: readonly unknown[]): number {
    const { kit, records } = this.#parts;
    let acked = lease.acked;
    for (const raw of frames) {
      const n = numberOf(raw);
      if (n <= acked || records.liveLease(lease.task)?.epoch !== lease.epoch) continue;
      try {
        kit.store.transact(() => {
          this.#apply(lease, n, raw);
          this.#acknowledge(lease, n);
        });
      } catch (error) {
        this.#consume(lease, n, raw, String(error));
      }
      acked = n;
    }
    return acked;
  }

  /** Rejects a frame that cannot be applied. Whatever it holds, the frames behind it must not wait for it. */
  #consume(lease: LeaseRow, n: number, raw: unknown, reason: string): void {
    const { store } = this.#parts.kit;
    try {
      store.transact(() => {
        this.#reject(lease, n, raw, reason);
        this.#acknowledge(lease, n);
      });
    } catch {
      store.transact(() => {
        this.#noteRejected(lease, n, reason);
        this.#acknowledge(lease, n);
      });
    }
  }

  /** Stores the acknowledgement in the row of its events; without events, in the lease. */
  #acknowledge({ task, epoch }: LeaseRow, acked: number): void {
    const { log, records } = this.#parts;
    if (log.acknowledge(task, epoch, acked)) records.acknowledged(task, acked);
    else records.seen(task, acked);
  }

  #apply(lease: LeaseRow, n: number, raw: unknown): void {
    if (this.#parts.records.liveLease(lease.task)?.epoch !== lease.epoch) return;
    const read = readFrame(raw);
    if (!read.ok) return this.#reject(lease, n, raw, read.problem);
    const { body } = read;
    if (isTooLarge(body)) return this.#reject(lease, n, raw, tooLarge(body));
    const problem = this.#use(lease, n, body);
    if (problem !== null) this.#reject(lease, n, raw, problem);
  }

  /** @returns why the frame is invalid, or null */
  #use(lease: LeaseRow, n: number, body: AgentFrameBody): string | null {
    const { approvals, checkpoints, checks, deliveryTasks, records, results, tasks } = this.#parts;
    const { task, epoch } = lease;
    const isEnd = body.type === 'result' || isEndWithoutResult(body);
    if (!isEnd) tasks.begun(task);
    const isProgress = !isEnd && body.type !== 'model.retry';
    if (isProgress) tasks.progressed(task);
    switch (body.type) {
      case 'artifact.chunk':
        return this.#addChunk(lease, n, body.data);
      case 'checkpoint':
        return checkpoints.add(task, epoch, n, body.data);
      case 'approval.asked':
        if (isFinal(records.task(task)!)) return 'the session has ended';
        return approvals.ask(task, epoch, body.data);
      case 'approval.withdrawn':
        approvals.withdrawAsk(task, epoch, body.data.ask_id, body.data.reason);
        return null;
      case 'delivery':
        return deliveryTasks.report(task, epoch, body.data);
      case 'result':
        results.take(lease, body.data);
        return null;
      case 'released':
        this.released(lease, body.data);
        return null;
      case 'conflict':
        return this.conflict(lease, body.data);
      case 'check.started':
      case 'check.ended': {
        const problem = checks.note(task, body);
        if (problem === null) this.#progress(task, body);
        return problem;
      }
      case 'turn.started':
        checks.turnStarted(task);
        this.#progress(task, body);
        return null;
      default:
        this.#progress(task, body);
        return null;
    }
  }

  /** The agent cannot merge the works with which the task begins. @returns why the report is invalid, or null */
  conflict(lease: LeaseRow, report: DataOf<'conflict'>): string | null {
    const { conflicts, tasks } = this.#parts;
    const problem = conflicts.problemOf(lease, report);
    if (problem === null) tasks.conflict(lease, report);
    return problem;
  }

  #addChunk({ task, epoch }: LeaseRow, n: number, { file, ...chunk }: DataOf<'artifact.chunk'>): string | null {
    const { artifacts, files } = this.#parts;
    const problem = artifacts.addChunk(task, epoch, n, chunk);
    return problem ?? (file ? files.add(task, epoch, chunk.artifact_id, file) : null);
  }

  /** Applies an event about the agent's work. */
  #progress(task: number, body: EventBody): void {
    const { kit, log, records, tasks, editWatch, projections } = this.#parts;
    log.append(task, body);
    if (body.type === 'file.edited') editWatch.edited(task, body.data.path);
    if (body.type === 'model.retry') {
      const { message, next_in_ms } = body.data;
      const until = kit.store.platform.now() + (next_in_ms ?? 0);
      tasks.modelRetried(task, { message: truncated(message, MAX_RETRY_MESSAGE_CHARS), until });
    }
    if (body.type === 'usage') {
      const total = addUsage(readUsage(records.session().usage), body.data);
      records.update({ usage: JSON.stringify(total) });
      records.setLeaseCost(task, records.leaseCost(task) + (body.data.cost_usd ?? 0));
      projections.grew();
    }
  }

  /** Records the usage that a result sums up, as that of one turn. */
  used(task: number, { input_tokens, output_tokens, cost_usd }: SummedUsage): void {
    const rest = { reasoning_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 };
    const data = { model: null, sub_agent: false, input_tokens, output_tokens, cost_usd, ...rest };
    this.#progress(task, { type: 'usage', data });
  }

  /** The agent releases the lease, on request or because it cannot continue. */
  released({ task }: LeaseRow, { reason, message }: DataOf<'released'>): void {
    const why = bounded({ code: `agent_${reason}`, message, retryable: true });
    this.#parts.tasks.handBack(task, why, { isRefused: reason === 'refused', costsAttempt: reason !== 'shutdown' });
  }

  /**
   * Records an invalid frame, so that the agent does not wait for its effect. A request for an approval is rejected. A
   * lease that would have ended with the frame is lost.
   */
  #reject(lease: LeaseRow, n: number, raw: unknown, reason: string): void {
    const { approvals, tasks } = this.#parts;
    const { task, epoch } = lease;
    const { type, data } = raw as { type?: unknown; data?: { ask_id?: unknown; kind?: unknown } | null };
    const askId = AskId().safeParse(data?.ask_id);
    if (type === 'approval.asked' && askId.success) {
      // A request with an invalid kind is rejected like a permission request.
      const kind = AgentApprovalKind().catch('permission').parse(data?.kind);
      approvals.refuse(task, epoch, askId.data, kind);
    }
    this.#noteRejected(lease, n, reason);
    if (type === 'result' || type === 'released' || type === 'conflict') tasks.lose(task, 'unusable_result');
  }

  #noteRejected({ task, epoch }: LeaseRow, n: number, reason: string): void {
    const { kit, log } = this.#parts;
    log.append(task, { type: 'frame.rejected', data: { epoch, n, reason: reason.slice(0, 500) } });
    kit.store.afterCommit(() => kit.store.platform.logger('info', 'frame_rejected', { task, epoch, n }));
  }
}

function isEndWithoutResult({ type }: AgentFrameBody): boolean {
  return type === 'released' || type === 'conflict';
}

const MAX_RETRY_MESSAGE_CHARS = 5_000;

/** A chunk has its own limit. A short increment is known to fit without being serialized. */
function isTooLarge({ type, data }: AgentFrameBody): boolean {
  if (type === 'artifact.chunk') return false;
  if (type === 'text.delta' || type === 'reasoning.delta') {
    const { message_id, part_id, text } = data;
    if ((message_id.length + part_id.length + text.length) * JSON_UNITS_MAX < BATCH_BYTES / 2) return false;
  }
  return JSON.stringify(data).length > maxFrameChars(type);
}

function tooLarge({ type }: AgentFrameBody): string {
  return `its data has more than ${maxFrameChars(type)} characters`;
}

/** The most characters with which JSON can encode one UTF-16 code unit. */
const JSON_UNITS_MAX = 6;

/** Whether a frame is, or was meant to be, a checkpoint, whose sender waits for an answer. */
export function isCheckpoint(raw: unknown): boolean {
  return (raw as { type?: unknown } | null)?.type === 'checkpoint';
}

/** Whether a frame has a number, which is required. */
export function isNumbered(raw: unknown): boolean {
  return numberOf(raw) > 0;
}

/** The frames up to the first gap. Numbers that were stored before are not a gap. */
function contiguousFrom(frames: readonly unknown[], next: number): unknown[] {
  let expected = next;
  const end = frames.findIndex((raw) => {
    const n = numberOf(raw);
    if (n > expected) return true;
    if (n === expected) expected++;
    return false;
  });
  return end < 0 ? [...frames] : frames.slice(0, end);
}

/** A frame's number, from 1; 0 when it has none. */
function numberOf(raw: unknown): number {
  const n = (raw as { n?: unknown } | null)?.n;
  return typeof n === 'number' && Number.isInteger(n) && n > 0 ? n : 0;
}
