import type { Assignment } from '../../src/protocol/run/assignment.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { isKept, markKept, markReported, unmarkKept } from '../git/kept-worktrees.ts';
import type { LeftOut } from '../git/leave-out.ts';
import type { Changes, Worktree } from '../git/worktree.ts';
import { note } from '../note.ts';
import { TRANSCRIPT_FORMAT } from '../opencode/conversation.ts';
import { ArtifactSender } from './artifact-sender.ts';
import type { OpenCodePort } from './opencode-port.ts';
import { bounded } from './restoration.ts';
import { SentConversation } from './sent-conversation.ts';

export type CheckpointData = Extract<AgentFrameBody, { type: 'checkpoint' }>['data'];

export interface CheckpointPosition {
  turn: number;
  messages_done: number;
  requested: boolean;
}

interface CheckpointsDependencies {
  opencode: Pick<OpenCodePort, 'exportConversation'>;
  worktree: Pick<Worktree, 'path' | 'base' | 'changes' | 'verify'>;
  conversationId: string;
  lease: { task_id: string; epoch: number; origin?: string | undefined };
  /** The most parts in which the session takes a conversation. */
  maxConversationParts: number;
  /** The hash of the commit with the work, by its tree. */
  commitOf: (tree: string) => string;
  report: (frame: AgentFrameBody) => void;
  /** Whether the session has stored the checkpoint that was just reported; null when the lease is over before it says. */
  saved: () => Promise<boolean | null>;
}

/** The work in a checkpoint. */
type Work = Pick<CheckpointData, 'commit' | 'local_only' | 'lacks'>;

/** The most files that a note names. */
const MAX_NAMED = 20;

/**
 * Takes the checkpoints of one lease. Sends artifacts that were not sent before as chunks, then the checkpoint itself.
 */
export class Checkpoints {
  readonly #dependencies: CheckpointsDependencies;
  readonly #gone: readonly string[];
  readonly #artifacts: ArtifactSender;
  readonly #conversation: SentConversation;
  #last: Promise<void> = Promise.resolve();
  #answer: Promise<boolean | null> = Promise.resolve(null);
  readonly #notes = new Set<string>();
  #isWorkSafe: boolean;
  #isClosed = false;
  #newest: CheckpointData | null = null;
  /** The checkpoint whose confirmation makes the work safe; null while the worktree may be ahead of all of them. */
  #awaited: CheckpointData | null = null;
  /** The newest checkpoint's patch, until it is shown that it can be restored. */
  #unverified: Uint8Array | null = null;
  /** The commit of the last patch that was shown to be restorable. */
  #verified: string | null = null;
  /** The work of the last result. */
  #reported: string;

  /**
   * @param gone what the worktree lacks of the work before this lease
   * @param startCommit the commit with the files with which the lease starts; null if it is not known
   */
  constructor(dependencies: CheckpointsDependencies, gone: readonly string[], startCommit: string | null) {
    this.#dependencies = dependencies;
    const { opencode, conversationId, maxConversationParts, report } = dependencies;
    this.#artifacts = new ArtifactSender(report);
    this.#conversation = new SentConversation(opencode, conversationId, maxConversationParts);
    this.#gone = gone;
    this.#reported = startCommit ?? '';
    this.#isWorkSafe = !isKept(dependencies.worktree.path);
  }

  /**
   * False when only this worktree may have the newest work: it does not fit into a checkpoint, or the checkpoint failed,
   * was refused or is not answered yet.
   */
  get isWorkSafe(): boolean {
    return this.#isWorkSafe;
  }

  /** The newest checkpoint of this lease; null before the first. */
  get newest(): CheckpointData | null {
    return this.#newest;
  }

  /** Whether the files are other ones than at the last result, or at the start of the lease. */
  get hasChanged(): boolean {
    return this.#newest !== null && this.#workIn(this.#newest) !== this.#reported;
  }

  /** The session has a result with the newest checkpoint. */
  resultReported(): void {
    if (this.#newest !== null) this.#reported = this.#workIn(this.#newest);
  }

  /** The set-up has changed the worktree, before the model could. That is no work of the model. */
  startsFrom(changes: Changes): void {
    this.#reported = this.#workIn(this.#workOf(changes));
  }

  #workOf(changes: Changes): Work {
    return {
      commit: this.#commitOf(changes),
      local_only: changes.patch === null,
      lacks: this.#lacksOf(changes),
    };
  }

  /** What the files of a checkpoint are, also of those that it only names. */
  #workIn({ commit, local_only, lacks = [] }: Work): string {
    const own = lacks.filter((what) => !this.#gone.includes(what));
    return [local_only ? 'too large' : commit, ...own].join('\n');
  }

  #commitOf({ tree }: Changes): string | null {
    return tree === null ? null : this.#dependencies.commitOf(tree);
  }

  /**
   * Takes a checkpoint and waits until the session has stored it. Tries once more after a failure, and after a refusal
   * with all artifacts.
   * @param until ends the waiting; the answer still counts
   * @throws when the checkpoint cannot be taken, or is refused, both times
   */
  async save(position: CheckpointPosition, until: Promise<void>): Promise<void> {
    const attempt = async () => {
      await this.take(position);
      const answer = await Promise.race([this.#answer, until.then(() => null)]);
      if (answer === false) throw new Error('The session refused it. The session’s log says why (frame.rejected).');
    };
    await attempt().catch(attempt);
  }

  /**
   * Applies the newest checkpoint's patch to the base, aside from the worktree, unless that was done before.
   * @throws when it does not apply. The worktree is kept then.
   */
  async verify(): Promise<void> {
    await this.idle();
    const [patch, commit] = [this.#unverified, this.#newest?.commit ?? null];
    if (patch === null) return;
    try {
      const made = this.#dependencies.commitOf(await this.#dependencies.worktree.verify(patch));
      if (made !== commit) throw new Error(`it makes other files, of the commit ${made} in place of ${commit}`);
    } catch (error) {
      this.close();
      throw new Error(`Its patch cannot be restored: ${(error as Error).message}`);
    }
    this.#verified = commit;
    if (this.#unverified === patch) this.#unverified = null;
  }

  /** Whether the files are other ones than in the newest checkpoint. */
  async isBehind(): Promise<boolean> {
    await this.idle();
    if (this.#newest === null) return true;
    const changes = await this.#dependencies.worktree.changes();
    return this.#workIn(this.#workOf(changes)) !== this.#workIn(this.#newest);
  }

  /** Takes a checkpoint after all earlier calls have finished. */
  take(position: CheckpointPosition): Promise<void> {
    const taken = this.#last.then(() => this.#take(position));
    this.#last = taken.catch(() => this.#keepWorktree()).catch(() => undefined);
    return taken;
  }

  /** Resolves when no checkpoint is being taken. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** Resolves when no checkpoint is in progress, and the session has answered the last one or the lease is over. */
  async settled(): Promise<void> {
    await this.idle();
    await this.#answer;
  }

  /** Whether an assignment starts from what is in the worktree now: from the newest checkpoint, and nothing is ahead of it. */
  isStartOf({ checkpoint, kind }: Pick<Assignment, 'checkpoint' | 'kind'>): boolean {
    if (kind === 'deliver') return false;
    const { lease, worktree } = this.#dependencies;
    if (!this.#isWorkSafe || checkpoint === null || this.#newest === null || this.#gone.length > 0) return false;
    const isOwn = checkpoint.task_id === lease.task_id && checkpoint.epoch === lease.epoch;
    return (
      isOwn &&
      checkpoint.base_commit === worktree.base &&
      checkpoint.patch_sha256 === (this.#newest.patch?.sha256 ?? null)
    );
  }

  /** Call this when nothing more reaches the session: the worktree stays, whatever a checkpoint in progress says. */
  close(): void {
    this.#isClosed = true;
    try {
      this.#keepWorktree();
    } catch {
      // The mark cannot be written to a full disk. Until the agent ends, `isWorkSafe` keeps the worktree.
    }
  }

  #keepWorktree(): void {
    this.#isWorkSafe = false;
    this.#awaited = null;
    const { path, base } = this.#dependencies.worktree;
    markKept(path, base, this.#gone, this.#dependencies.lease);
  }

  async #take(position: CheckpointPosition): Promise<void> {
    const { worktree, report } = this.#dependencies;
    // The conversation is read first. During a turn, the work may then be ahead of it, but never behind: the results of
    // all tool calls that the conversation has as completed are in the worktree.
    const conversation = await this.#conversation.export();
    const changes = await worktree.changes();
    const { patch, files } = changes;
    const isComplete = patch !== null && changes.changedSubmodules.length + changes.leftOut.length === 0;
    // Marked until the session has confirmed it: if this process is killed before, the only copy must survive.
    this.#keepWorktree();
    this.#noteOmissions(changes, conversation.kind === 'whole' && conversation.format === TRANSCRIPT_FORMAT);
    const lacks = this.#lacksOf(changes);
    this.#artifacts.begin();
    const data: CheckpointData = {
      turn: position.turn,
      messages_done: position.messages_done,
      base_commit: worktree.base,
      commit: this.#commitOf(changes),
      patch: patch === null || patch.byteLength === 0 ? null : this.#artifacts.send(patch),
      conversation: this.#conversation.send(conversation, this.#artifacts),
      files,
      local_only: patch === null,
      requested: position.requested,
      ...(lacks.length > 0 ? { lacks } : {}),
    };
    report({ type: 'checkpoint', data });
    if (isComplete && !this.#isClosed) markReported(worktree.path);
    this.#newest = data;
    this.#unverified = data.patch === null || data.commit === this.#verified ? null : patch;
    this.#awaited = data;
    this.#answer = this.#dependencies.saved().then((isSaved) => this.#answered(data, isComplete, isSaved));
  }

  #lacksOf({ changedSubmodules, leftOut }: Changes): string[] {
    const inSubmodules = changedSubmodules.map((path) => `changes in the submodule ${path}`);
    return bounded([...this.#gone, ...inSubmodules, ...leftOut.map(leftOutText)]);
  }

  #answered(data: CheckpointData, isComplete: boolean, isSaved: boolean | null): boolean | null {
    if (isSaved === false) {
      // The session may have none of its artifacts.
      this.#artifacts.forget();
      this.#conversation.forget();
    } else if (isSaved && isComplete && !this.#isClosed && this.#awaited === data) {
      this.#isWorkSafe = true;
      unmarkKept(this.#dependencies.worktree.path);
    }
    return isSaved;
  }

  #noteOmissions({ nested, changedSubmodules, leftOut }: Changes, isTranscript: boolean): void {
    if (nested.length > 0)
      this.#note(`Checkpoints hold the files of nested repositories, but not their history: ${nested.join(', ')}`);
    if (changedSubmodules.length > 0) {
      this.#note(
        `Checkpoints cannot hold changes in submodules, so the worktree is kept: ${changedSubmodules.join(', ')}`,
      );
    }
    if (leftOut.length > 0) {
      const [shown, more] = [leftOut.slice(0, MAX_NAMED).map(leftOutText), leftOut.length - MAX_NAMED];
      const paths = [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
      this.#note(
        `Too large for a checkpoint, so it stays in the worktree, which is kept: ${paths}. If it should not be part of the work, add it to .gitignore.`,
      );
    }
    if (isTranscript)
      this.#note('The conversation is too large for a checkpoint. A transcript of its end is saved instead.');
  }

  #note(text: string): void {
    if (this.#notes.has(text)) return;
    this.#notes.add(text);
    this.#dependencies.report(note('warning', text));
  }
}

function leftOutText({ path, bytes, files }: LeftOut): string {
  return `${path} (${files === 1 ? '' : `${files.toLocaleString('en')} files, `}${Math.ceil(bytes / 1_048_576)} MiB)`;
}
