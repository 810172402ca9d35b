import { deliveryText } from '../../src/domain/session/delivery-text.ts';
import { MAX_REASON_CHARS } from '../../src/protocol/common/bounds.ts';
import { truncated } from '../../src/protocol/common/text.ts';
import type { Assignment, Command } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import type { DeliveryOrder } from '../../src/protocol/session/deliver.ts';
import { RepositoryError } from '../git/commits.ts';
import type { DeliveryEnd } from '../git/deliver.ts';
import { endingGitWith } from '../git/git.ts';
import type { Repository } from '../git/repository.ts';
import { unlessAborted } from '../process/unless-aborted.ts';
import { fetchVerified } from './artifact-bytes.ts';
import type { LeaseWork, ReleaseReason } from './lease-work.ts';
import { worktreePath } from './worktree-path.ts';

export interface DeliveryDependencies {
  repository: Pick<Repository, 'resolve' | 'deliver'>;
  worktreesDirectory: string;
  fetchArtifact: (artifactId: string) => Promise<Uint8Array>;
  report: (frame: AgentFrameBody) => void;
}

/**
 * Works on one assignment of the kind `deliver`: makes a commit of the session's work on a branch, and pushes it when
 * asked. It has no worktree, no conversation and no model. All that it does can be done again by another lease, which
 * finds what there is.
 */
export class DeliveryWork implements LeaseWork {
  readonly #assignment: Assignment;
  readonly #dependencies: DeliveryDependencies;
  readonly #ended = new AbortController();
  #release: { reason: ReleaseReason; message: string } | null = null;
  #isCancelled = false;

  constructor(assignment: Assignment, dependencies: DeliveryDependencies) {
    this.#assignment = assignment;
    this.#dependencies = dependencies;
  }

  async run(): Promise<void> {
    const { delivery } = this.#assignment;
    try {
      if (delivery === undefined) throw new RepositoryError('The assignment does not say what to deliver.');
      this.#reportEnd(delivery, await endingGitWith(this.#ended.signal, () => this.#deliver(delivery)));
    } catch (error) {
      this.#reportFailure(error as Error);
    }
  }

  /** Only the end of the lease concerns a delivery. */
  async command(command: Command): Promise<void> {
    if (command.type === 'pause') this.end('paused', 'paused as requested', command.data.within_ms);
    if (command.type === 'stop') this.end('stopped', 'stopped as requested', command.data.within_ms);
  }

  /** A push that the remote has taken is found by the next lease. */
  end(reason: ReleaseReason, message: string, withinMs: number): void {
    this.#release ??= { reason, message };
    setTimeout(() => this.#ended.abort(), withinMs).unref();
  }

  quiet(): void {}

  alive(): void {}

  keep(): void {
    this.cancel();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#ended.abort();
  }

  async dispose(): Promise<null> {
    return null;
  }

  async #deliver({ patch_artifact_id, patch_sha256, base_commit, ...order }: DeliveryOrder): Promise<DeliveryEnd> {
    const { repository, worktreesDirectory, fetchArtifact } = this.#dependencies;
    const base = await repository.resolve(base_commit);
    const patch = await unlessAborted(
      this.#ended.signal,
      fetchVerified(fetchArtifact, patch_artifact_id, patch_sha256),
    );
    const scratch = worktreePath(worktreesDirectory, this.#assignment);
    return repository.deliver({ ...order, base, patch, scratch });
  }

  #reportEnd({ branch, remote }: DeliveryOrder, { state, commit, pushed, reason, retryable }: DeliveryEnd): void {
    const why = reason === null ? null : truncated(reason, MAX_REASON_CHARS);
    const data = { state, branch, commit, pushed, remote, reason: why };
    this.#report({ type: 'delivery', data });
    const text = deliveryText(data);
    if (state === 'delivered') this.#reportResult('completed', text, null);
    else this.#reportResult('failed', text, { code: `delivery_${state}`, message: why ?? text, retryable });
  }

  #reportFailure(error: Error): void {
    const message = truncated(error.message, MAX_REASON_CHARS);
    if (this.#release !== null) return this.#report({ type: 'released', data: this.#release });
    // Another agent may have the commit.
    if (error instanceof RepositoryError)
      return this.#report({ type: 'released', data: { reason: 'refused', message } });
    this.#reportResult('failed', '', { code: 'start_failed', message, retryable: true });
  }

  #reportResult(
    status: 'completed' | 'failed',
    text: string,
    error: { code: string; message: string; retryable: boolean } | null,
  ): void {
    this.#report({ type: 'result', data: { status, text, messages_done: 0, finish: null, error } });
  }

  #report(frame: AgentFrameBody): void {
    if (!this.#isCancelled) this.#dependencies.report(frame);
  }
}
