import { createHash, randomUUID } from 'node:crypto';
import type { AgentFrameBody } from '../src/protocol/agent-stream.ts';
import { CHUNK_BYTES, MAX_CONVERSATION_BYTES } from '../src/protocol/limits.ts';
import type { CodingServer } from './ports.ts';
import type { Worktree } from './repository.ts';

type CheckpointData = Extract<AgentFrameBody, { type: 'checkpoint' }>['data'];
type Artifact = { artifact_id: string; bytes: number; sha256: string };

export interface CheckpointPlace {
  turn: number;
  messages_done: number;
  requested: boolean;
}

/** Makes checkpoints of one lease: what was not sent before as chunks, then the checkpoint that refers to them. */
export class Checkpoints {
  readonly #coding: CodingServer;
  readonly #worktree: Worktree;
  readonly #conversationId: string;
  readonly #report: (frame: AgentFrameBody) => void;
  readonly #sent = new Map<string, Artifact>();
  #last: Promise<void> = Promise.resolve();
  #isLocalOnly = false;

  constructor(
    coding: CodingServer,
    worktree: Worktree,
    conversationId: string,
    report: (frame: AgentFrameBody) => void,
  ) {
    this.#coding = coding;
    this.#worktree = worktree;
    this.#conversationId = conversationId;
    this.#report = report;
  }

  /** Whether the newest checkpoint's work exists nowhere but in this worktree. */
  get isLocalOnly(): boolean {
    return this.#isLocalOnly;
  }

  /** One after the other, in the order they were asked for. */
  make(place: CheckpointPlace): Promise<void> {
    const made = this.#last.then(() => this.#make(place));
    this.#last = made.catch(() => undefined);
    return made;
  }

  async #make(place: CheckpointPlace): Promise<void> {
    // While a turn runs the work may be ahead of the conversation, but never behind: a tool that is told as done is.
    const conversation = await this.#coding.exportConversation(this.#conversationId);
    const { patch, files } = await this.#worktree.changes();
    const travels = conversation.bytes.byteLength <= MAX_CONVERSATION_BYTES;
    this.#isLocalOnly = patch === null;
    const data: CheckpointData = {
      turn: place.turn,
      messages_done: place.messages_done,
      base_commit: this.#worktree.base,
      patch: patch === null || patch.byteLength === 0 ? null : this.#send(patch),
      conversation: travels ? { ...this.#send(conversation.bytes), format: conversation.format } : null,
      files,
      local_only: patch === null,
      requested: place.requested,
    };
    this.#report({ type: 'checkpoint', data });
  }

  #send(bytes: Uint8Array): Artifact {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const known = this.#sent.get(sha256);
    if (known !== undefined) return known;
    const artifact = { artifact_id: randomUUID(), bytes: bytes.byteLength, sha256 };
    for (let index = 0; index * CHUNK_BYTES < bytes.byteLength; index++) {
      const chunk = bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
      const data = { artifact_id: artifact.artifact_id, index, data: Buffer.from(chunk).toString('base64') };
      this.#report({ type: 'artifact.chunk', data });
    }
    this.#sent.set(sha256, artifact);
    return artifact;
  }
}
