import { instanceWithoutSocket } from '../../../src/domain/lease/report.ts';
import type { Call } from '../../../src/ports/calls.ts';
import type { Outcome } from '../../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK, taskIdOf } from '../../../src/protocol/common/ids.ts';
import type { AgentFrame, AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type {
  LeaseReport,
  OfferedAssignment,
  ReportResultRequest,
  ResultReport,
} from '../../../src/protocol/run/reports.ts';
import { SESSION_ID, type SessionInProcess } from './harness.ts';

/** An agent without sockets that was offered an epoch of the session's task. */
export class HttpAgent {
  readonly #session: SessionInProcess;
  readonly id: string;
  readonly epoch: number;
  readonly #token: string;
  readonly #task: number;
  #sent = 0;

  /** Whether it says so when it claims. */
  canMerge = true;

  /** @param token of a name other than the first one, after the agent was registered again */
  constructor(session: SessionInProcess, id: string, epoch = 1, token = `token-of-${id}`, task = IMPLICIT_TASK) {
    this.#token = token;
    this.#task = task;
    this.#session = session;
    this.id = id;
    this.epoch = epoch;
  }

  get #call(): Call {
    const agent = { id: this.id, registered_by: 'static' };
    return this.#session.call({ role: 'agent', token_id: this.#token, agent });
  }

  get #key() {
    return { task_id: taskIdOf(SESSION_ID, this.#task), epoch: this.epoch };
  }

  handOut(): Outcome<OfferedAssignment> {
    const offeree = {
      agent_id: this.id,
      agent_name: 'AGENT-HTTP',
      instance_id: instanceWithoutSocket(this.id),
      repository: null,
    };
    const proof = this.#session.proofFor(this.epoch, offeree, this.#token, this.#task);
    const offer = {
      ...this.#key,
      agent_name: 'AGENT-HTTP',
      repository: null,
      offered_until: 0,
      proof,
      can_merge: this.canMerge,
    };
    return this.#session.runtime.leaseCalls.handOut(this.#call, offer);
  }

  /** Reports the next events. */
  report(...bodies: AgentFrameBody[]): Outcome<LeaseReport> {
    const frames = bodies.map((body, index): AgentFrame => ({ n: this.#sent + 1 + index, ...body }));
    const outcome = this.#session.runtime.leaseCalls.report(this.#call, this.#key, { frames });
    if (outcome.ok) this.#sent += bodies.length;
    return outcome;
  }

  acknowledge(acknowledged_command: number): Outcome<LeaseReport> {
    return this.#session.runtime.leaseCalls.report(this.#call, this.#key, { frames: [], acknowledged_command });
  }

  result(changes: Partial<ReportResultRequest> = {}): Outcome<ResultReport> {
    const done: ReportResultRequest = { status: 'completed', output: 'done', artifacts: [], error: null };
    const result = { ...done, ...changes };
    return this.#session.runtime.leaseCalls.reportResult(this.#call, this.#key, result);
  }

  conflict(ours: number[], theirs: number): Outcome<null> {
    const files = [{ path: 'a.txt', kind: 'content' as const, ours: 'one\n', theirs: 'two\n' }];
    const report = { ours, theirs, files, total: 1 };
    return this.#session.runtime.leaseCalls.reportConflict(this.#call, this.#key, report);
  }

  release(reason: 'shutdown' | 'refused' = 'shutdown'): Outcome<null> {
    return this.#session.runtime.leaseCalls.releaseLease(this.#call, this.#key, { reason, message: '' });
  }
}
