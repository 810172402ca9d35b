import { type AlwaysRule, coveredByRules } from '../../src/domain/session/always-rules.ts';
import type { ApprovalStatus, Decision } from '../../src/protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { ApprovalView } from '../../src/protocol/session/approval.ts';
import type { AnswerApprovalRequest } from '../../src/protocol/session/requests.ts';
import { instant } from '../kit/text.ts';
import { DEADLINE } from './config.ts';
import type { SessionParts } from './parts.ts';

type Asked = Extract<AgentFrameBody, { type: 'approval.asked' }>['data'];

/** An agent that waits for more than this is not waiting for a person. */
const MAX_OPEN = 100;
/** Settled approvals that can be listed; all of them are in the log. */
const MAX_SETTLED = 500;

type Needs = Pick<SessionParts, 'kit' | 'records' | 'log' | 'commands' | 'projections'>;

interface ApprovalRow {
  id: string;
  task: number;
  epoch: number;
  ask_id: string;
  status: ApprovalStatus;
  always: string;
  view: string;
}

/** What agents wait for. Each is answered exactly once: by a person, by an 'always' of this session, or by its default. */
export class Approvals {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * An agent asks. Asking again for the same request (an answer that was lost on the way) sends the answer again.
   * @returns why the ask cannot be taken, or null
   */
  ask(task: number, epoch: number, asked: Asked): string | null {
    const known = this.#byRequest(task, epoch, asked.ask_id);
    if (known) {
      const { answer } = JSON.parse(known.view) as ApprovalView;
      if (answer) this.#reply(known, answer.decision, answer);
      return null;
    }
    if (this.#openCount(task) >= MAX_OPEN) return `${MAX_OPEN} approvals are open already`;
    const { id: session } = this.#parts.records.session();
    const now = this.#parts.kit.store.platform.now();
    const expires = now + this.#parts.records.spec().approval_timeout_seconds * 1_000;
    const { ask_id, always, ...shown } = asked;
    const view: ApprovalView = {
      ...shown,
      id: this.#parts.kit.store.platform.uuid(),
      task_id: taskIdOf(session, task),
      status: 'open',
      asked_at: instant(now),
      expires_at: instant(expires),
      answer: null,
    };
    this.#parts.kit.store.rows(
      `INSERT INTO approvals (id, task, epoch, ask_id, status, always, view, asked_at) VALUES (?, ?, ?, ?, 'open', ?, ?, ?)`,
      view.id,
      task,
      epoch,
      ask_id,
      JSON.stringify(always),
      JSON.stringify(view),
      now,
    );
    this.#parts.log.append(task, { type: 'approval.asked', data: { approval: view } });
    if (asked.kind === 'permission' && coveredByRules(this.#rules(), asked.permission ?? '', asked.patterns)) {
      this.#settle(this.#byId(view.id)!, { decision: 'once' }, 'session_always', false);
    } else this.#parts.kit.deadlines.set(DEADLINE.approval + view.id, expires);
    this.#parts.projections.changed();
    return null;
  }

  /** Answers an ask that could not be taken in. */
  refuse(task: number, epoch: number, askId: string, kind: ApprovalView['kind']): void {
    const message = 'The request could not be shown to anybody; ask for less at once.';
    const data = { ask_id: askId, kind, decision: 'reject' as const, message };
    this.#parts.commands.enqueue(task, epoch, { type: 'approval_reply', data });
  }

  /** Somebody answers. A second answer is refused with the first. */
  answer(id: string, request: AnswerApprovalRequest, by: string): Outcome<ApprovalView> {
    const row = this.#byId(id);
    if (!row) return refuse('not_found', 'There is no such approval in this session.');
    const view = JSON.parse(row.view) as ApprovalView;
    if (row.status !== 'open') {
      const how = view.answer ? `It was answered '${view.answer.decision}'.` : `It was ${row.status}.`;
      return refuse('approval_answered', how, { current: view.answer });
    }
    if (
      view.kind === 'question' &&
      request.decision !== 'reject' &&
      request.answers?.length !== view.questions.length
    ) {
      const detail = `Give 'answers' with one list of labels for each of the ${view.questions.length} questions.`;
      return refuse('validation_failed', detail, { errors: [{ path: 'answers', message: detail }] });
    }
    if (request.decision === 'always' && view.kind === 'permission') this.#remember(row, view);
    const answered = this.#settle(row, request, by, false);
    this.#parts.projections.changed();
    return ok(answered);
  }

  /** Handler of an approval's deadline: the session's default answers. */
  expire(id: string): void {
    const row = this.#byId(id);
    if (row?.status !== 'open') return;
    const view = JSON.parse(row.view) as ApprovalView;
    const decision: Decision = view.kind === 'question' ? 'reject' : this.#parts.records.spec().approval_default;
    const message = decision === 'reject' ? 'Nobody answered in time; go on without it.' : undefined;
    this.#settle(row, { decision, ...(message && { message }) }, 'session_default', true);
    this.#parts.projections.changed();
  }

  /** The agent no longer waits for it. */
  withdrawRequest(task: number, epoch: number, askId: string, reason: string): void {
    const row = this.#byRequest(task, epoch, askId);
    if (row?.status !== 'open') return;
    this.#withdraw(row, reason);
    this.#parts.projections.changed();
  }

  /** Nobody waits any more: the lease has ended. */
  withdrawAll(task: number, reason: string): void {
    const rows = this.#parts.kit.store.rows<ApprovalRow>(
      `SELECT * FROM approvals WHERE task = ? AND status = 'open'`,
      task,
    );
    for (const row of rows) this.#withdraw(row, reason);
  }

  anyOpen(task: number): boolean {
    return this.#openCount(task) > 0;
  }

  #openCount(task: number): number {
    return this.#parts.kit.store.row<{ n: number }>(
      `SELECT COUNT(*) AS n FROM approvals WHERE task = ? AND status = 'open'`,
      task,
    )!.n;
  }

  #settle(row: ApprovalRow, given: AnswerApprovalRequest, by: string, expired: boolean): ApprovalView {
    const asked = JSON.parse(row.view) as ApprovalView;
    const { at } = this.#parts.log.append(row.task, {
      type: 'approval.answered',
      data: { approval_id: row.id, kind: asked.kind, ...given, by, expired },
    });
    const status = expired ? 'expired' : 'answered';
    const view: ApprovalView = { ...asked, status, answer: { ...given, by, at } };
    this.#save(row.id, view);
    this.#reply(row, given.decision, given);
    return view;
  }

  /** 'always' is ours: the agent hears 'once', since OpenCode's own 'always' would leak over the directory. */
  #reply(row: ApprovalRow, decision: Decision, given: Omit<AnswerApprovalRequest, 'decision'>): void {
    const { message, answers } = given;
    const { kind } = JSON.parse(row.view) as ApprovalView;
    this.#parts.commands.enqueue(row.task, row.epoch, {
      type: 'approval_reply',
      data: {
        ask_id: row.ask_id,
        kind,
        decision: decision === 'always' ? 'once' : decision,
        ...(message !== undefined && { message }),
        ...(answers !== undefined && { answers }),
      },
    });
  }

  #withdraw(row: ApprovalRow, reason: string): void {
    this.#save(row.id, { ...(JSON.parse(row.view) as ApprovalView), status: 'withdrawn' });
    this.#parts.log.append(row.task, { type: 'approval.withdrawn', data: { approval_id: row.id, reason } });
  }

  #save(id: string, view: ApprovalView): void {
    this.#parts.kit.store.rows(
      `UPDATE approvals SET status = ?, view = ? WHERE id = ?`,
      view.status,
      JSON.stringify(view),
      id,
    );
    this.#parts.kit.deadlines.clear(DEADLINE.approval + id);
    this.#parts.kit.store.rows(
      `DELETE FROM approvals WHERE status <> 'open' AND id NOT IN (
         SELECT id FROM approvals WHERE status <> 'open' ORDER BY asked_at DESC, id LIMIT ?)`,
      MAX_SETTLED,
    );
  }

  /**
   * Remembers what the agent named as the wider patterns; where it named none, what was asked for, as it is. A pattern
   * that was asked for and holds a wildcard was a name, and must not come to mean more.
   */
  #remember(row: ApprovalRow, view: ApprovalView): void {
    const wider = JSON.parse(row.always) as string[];
    const asked = view.patterns.length > 0 ? view.patterns.filter((pattern) => !/[*?]/.test(pattern)) : [''];
    for (const pattern of wider.length > 0 ? wider : asked) {
      this.#parts.kit.store.rows(
        `INSERT OR IGNORE INTO always_rules (permission, pattern) VALUES (?, ?)`,
        view.permission ?? '',
        pattern,
      );
    }
  }

  #rules(): AlwaysRule[] {
    return this.#parts.kit.store.rows<AlwaysRule & Record<string, string>>(
      `SELECT permission, pattern FROM always_rules`,
    );
  }

  #byId(id: string): ApprovalRow | undefined {
    return this.#parts.kit.store.row<ApprovalRow>(`SELECT * FROM approvals WHERE id = ?`, id);
  }

  #byRequest(task: number, epoch: number, askId: string): ApprovalRow | undefined {
    return this.#parts.kit.store.row<ApprovalRow>(
      `SELECT * FROM approvals WHERE task = ? AND epoch = ? AND ask_id = ? AND status <> 'withdrawn'`,
      task,
      epoch,
      askId,
    );
  }
}
