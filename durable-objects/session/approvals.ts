import { type AlwaysRule, alwaysPatterns, coveredByRules } from '../../src/domain/session/always-rules.ts';
import { answerProblem, choiceProblem, decisionOnExpiry } from '../../src/domain/session/approval-answers.ts';
import type { ApprovalStatus, Decision } from '../../src/protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { taskIdOf } from '../../src/protocol/common/ids.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { ApprovalView } from '../../src/protocol/session/approval.ts';
import type { ApprovalRules } from '../../src/protocol/session/approval-kinds.ts';
import type { AnswerApprovalRequest } from '../../src/protocol/session/requests.ts';
import { insertOrReplace } from '../kit/storage/insert-or-replace.ts';
import { instant, instantOrNull } from '../kit/text.ts';
import { APPROVAL_AGAIN_MS, DEADLINE } from './config.ts';
import type { SessionParts } from './parts.ts';

type AskOfAgent = Extract<AgentFrameBody, { type: 'approval.asked' }>['data'];
/** The content of a new approval. */
type Ask = Omit<AskOfAgent, 'ask_id' | 'kind'> & Pick<ApprovalView, 'kind'>;

/** The lease whose agent waits for an approval, and the agent's own key for it. */
interface Asker {
  epoch: number;
  ask_id: string;
}

/** The most open approvals of a task's agent. People could not answer more. */
const MAX_OPEN = 100;
/** The number of settled approvals that are listed. All of them are in the log. */
const MAX_SETTLED = 500;

type Needs = Pick<SessionParts, 'config' | 'kit' | 'records' | 'log' | 'commands' | 'projections'>;

/** `epoch` and `ask_id` are null if the session itself asked, so that no agent waits. */
interface ApprovalRow {
  id: string;
  task: number;
  epoch: number | null;
  ask_id: string | null;
  status: ApprovalStatus;
  always: string;
  view: string;
  asked_at: number;
}

/**
 * The approvals of a session. Each one is answered exactly once: by a person, by an `always` of this session, or by its
 * default. If an agent asked, the approval is withdrawn when the agent's lease ends.
 */
export class Approvals {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * Opens an approval for an agent. If the agent asks again because it lost the answer, the answer is sent again.
   * @returns why the request is invalid, or null
   */
  ask(task: number, epoch: number, { ask_id, ...ask }: AskOfAgent): string | null {
    const known = this.#byAskId(task, epoch, ask_id);
    if (known) {
      const { answer } = JSON.parse(known.view) as ApprovalView;
      if (answer) this.#reply(known, answer.decision, answer);
      return null;
    }
    if (this.#openCount(task) >= MAX_OPEN) return `an agent can have at most ${MAX_OPEN} open approvals`;
    this.open(task, ask, { epoch, ask_id });
    return null;
  }

  /** Opens an approval of a task. @param asker null if the session itself asks, which needs no lease */
  open(task: number, { always, ...shown }: Ask, asker: Asker | null): ApprovalView {
    const { kit, records, log, projections } = this.#parts;
    const now = kit.store.platform.now();
    const hasEnd = this.#rulesOf(shown).on_expiry !== null;
    const expires = hasEnd ? now + records.spec().approval_timeout_seconds * 1_000 : null;
    const view: ApprovalView = {
      ...shown,
      always: alwaysPatterns(always, shown.patterns),
      id: kit.store.platform.uuid(),
      task_id: taskIdOf(records.session().id, task),
      status: 'open',
      asked_at: instant(now),
      expires_at: instantOrNull(expires),
      answer: null,
    };
    const row: ApprovalRow = {
      id: view.id,
      task,
      epoch: asker?.epoch ?? null,
      ask_id: asker?.ask_id ?? null,
      status: 'open',
      always: JSON.stringify(always),
      view: JSON.stringify(view),
      asked_at: now,
    };
    insertOrReplace(kit.store, 'approvals', row);
    log.append(task, { type: 'approval.asked', data: { approval: view } });
    const canBeRemembered = this.#rulesOf(view).decisions.includes('always');
    const isCovered = canBeRemembered && coveredByRules(this.#alwaysRules(), view.permission ?? '', view.patterns);
    if (isCovered) this.#settle(row, { decision: 'once' }, 'session_always', false);
    else if (expires !== null) kit.deadlines.set(DEADLINE.approval + view.id, expires);
    projections.changed();
    return view;
  }

  /** The open approval of a kind for which the session has asked; null if there is none. */
  openOf(task: number, kind: ApprovalView['kind']): string | null {
    const own = this.#parts.kit.store.row<{ id: string }>(
      `SELECT id FROM approvals WHERE task = ? AND status = 'open' AND epoch IS NULL AND view ->> '$.kind' = ?`,
      task,
      kind,
    );
    return own?.id ?? null;
  }

  /** Rejects an agent's request that could not be opened as an approval. */
  refuse(task: number, epoch: number, askId: string, kind: AskOfAgent['kind']): void {
    const message = 'The request was rejected: it is invalid, too large, or one of too many. Ask for less at a time.';
    const data = { ask_id: askId, kind, decision: 'reject' as const, message };
    this.#parts.commands.enqueue(task, epoch, { type: 'approval_reply', data });
  }

  /** Answers an approval. A second answer fails, with the first one as `current`. */
  answer(id: string, request: AnswerApprovalRequest, by: string): Outcome<ApprovalView> {
    const row = this.#byId(id);
    if (!row) return refuse('not_found', 'There is no such approval in this session.');
    const view = JSON.parse(row.view) as ApprovalView;
    if (row.status !== 'open') {
      const how = view.answer
        ? `The approval was answered '${view.answer.decision}'.`
        : `The approval was ${row.status}.`;
      return refuse('approval_answered', how, { current: view.answer });
    }
    const rules = this.#rulesOf(view);
    const problem =
      answerProblem(rules, view.questions.length, request) ?? choiceProblem(rules, view.questions, request);
    if (problem) return refuse('validation_failed', problem.message, { errors: [problem] });
    if (request.decision === 'always') this.#remember(row, view);
    const answered = this.#settle(row, request, by, false);
    this.#parts.projections.changed();
    return ok(answered);
  }

  /**
   * Answers an approval whose time is over with the default of its kind.
   * @returns the answered approval; null if it was not open any more
   */
  expire(id: string): ApprovalView | null {
    const row = this.#byId(id);
    if (row?.status !== 'open') return null;
    const view = JSON.parse(row.view) as ApprovalView;
    const decision = decisionOnExpiry(this.#rulesOf(view), this.#parts.records.spec().approval_default);
    const isOfAgent = row.epoch !== null;
    const message = isOfAgent && decision === 'reject' ? 'Nobody answered in time. Continue without it.' : undefined;
    const answered = this.#settle(row, { decision, ...(message && { message }) }, 'session_default', true);
    this.#parts.projections.changed();
    return answered;
  }

  /** Withdraws an approval for which the agent no longer waits. */
  withdrawAsk(task: number, epoch: number, askId: string, reason: string): void {
    const row = this.#byAskId(task, epoch, askId);
    if (row?.status !== 'open') return;
    this.#withdraw(row, reason);
    this.#parts.projections.changed();
  }

  /** Withdraws an approval that the session itself does not need any more. */
  withdraw(id: string, reason: string): void {
    const row = this.#byId(id);
    if (row?.status !== 'open') return;
    this.#withdraw(row, reason);
    this.#parts.projections.changed();
  }

  /** Withdraws the approvals of a task's agent, because its lease has ended. The session's own approvals stay open. */
  withdrawAsked(task: number, reason: string): void {
    const rows = this.#parts.kit.store.rows<{ id: string }>(
      `SELECT id FROM approvals WHERE task = ? AND status = 'open' AND epoch IS NOT NULL`,
      task,
    );
    // A hundred long approvals would fill the memory, so they are read one by one.
    for (const { id } of rows) this.#withdraw(this.#byId(id)!, reason);
  }

  /** Whether the task's agent is waiting for an answer. */
  agentWaits(task: number): boolean {
    return this.#openCount(task) > 0;
  }

  /** The number of open approvals of the task's agent. */
  #openCount(task: number): number {
    return this.#parts.kit.store.row<{ n: number }>(
      `SELECT COUNT(*) AS n FROM approvals WHERE task = ? AND status = 'open' AND epoch IS NOT NULL`,
      task,
    )!.n;
  }

  #rulesOf({ kind }: Pick<ApprovalView, 'kind'>): ApprovalRules {
    const rules = this.#parts.config.approval_kinds[kind];
    if (!rules) throw new Error(`approvals of the kind '${kind}' have no rules`);
    return rules;
  }

  /** Gives people time again, because nobody could answer while the object was down. */
  extend(id: string): void {
    const row = this.#byId(id);
    if (row?.status !== 'open') return;
    const view = JSON.parse(row.view) as ApprovalView;
    const { kit, log, records, projections } = this.#parts;
    const timeout = records.spec().approval_timeout_seconds * 1_000;
    const expires = kit.store.platform.now() + Math.min(timeout, APPROVAL_AGAIN_MS);
    const expires_at = instant(expires);
    this.#save(id, { ...view, expires_at });
    kit.deadlines.set(DEADLINE.approval + id, expires);
    log.append(row.task, {
      type: 'approval.extended',
      data: { approval_id: id, expires_at, reason: 'control_plane_was_down' },
    });
    projections.changed();
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

  /**
   * Tells the agent. It gets 'once' instead of 'always', because OpenCode's own 'always' would apply to the whole
   * directory.
   */
  #reply(row: ApprovalRow, decision: Decision, given: Omit<AnswerApprovalRequest, 'decision'>): void {
    if (row.epoch === null || row.ask_id === null) return;
    const { message, answers } = given;
    const { kind } = JSON.parse(row.view) as Pick<AskOfAgent, 'kind'>;
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

  /** Remembers what the person has read in `always`. */
  #remember(row: ApprovalRow, view: ApprovalView): void {
    const allowed = alwaysPatterns(JSON.parse(row.always) as string[], view.patterns);
    for (const pattern of view.patterns.length === 0 && allowed.length === 0 ? [''] : allowed) {
      this.#parts.kit.store.rows(
        `INSERT OR IGNORE INTO always_rules (permission, pattern) VALUES (?, ?)`,
        view.permission ?? '',
        pattern,
      );
    }
  }

  #alwaysRules(): AlwaysRule[] {
    return this.#parts.kit.store.rows<AlwaysRule & Record<string, string>>(
      `SELECT permission, pattern FROM always_rules`,
    );
  }

  #byId(id: string): ApprovalRow | undefined {
    return this.#parts.kit.store.row<ApprovalRow>(`SELECT * FROM approvals WHERE id = ?`, id);
  }

  #byAskId(task: number, epoch: number, askId: string): ApprovalRow | undefined {
    return this.#parts.kit.store.row<ApprovalRow>(
      `SELECT * FROM approvals WHERE task = ? AND epoch = ? AND ask_id = ? AND status <> 'withdrawn'`,
      task,
      epoch,
      askId,
    );
  }
}
