import { createHash } from 'node:crypto';
import { IMPLICIT_TASK } from '../../../src/protocol/common/ids.ts';
import type { Assignment, Command } from '../../../src/protocol/run/assignment.ts';
import type { AgentFrame, AgentFrameBody } from '../../../src/protocol/run/frames.ts';
import type { RunDown } from '../../../src/protocol/run/run-socket.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import type { SessionInProcess } from './harness.ts';

const CHUNK_CHARS = 1_000;
const PING_EVERY_MS = 10_000;

/** An id that is the same for the same name. */
export function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The agent's side of a lease. It numbers its frames, keeps them until they are acknowledged, and resends them. */
export class FakeAgent {
  readonly id: string;
  readonly name: string;
  readonly epoch: number;
  readonly task: number;
  instanceId: string;
  streamId: string;
  repository: string | null = 'root-commit';
  headCommit: string | null = null;
  canMerge = true;
  /** Frames with numbers that are not acknowledged yet. */
  buffer: AgentFrame[] = [];
  head = 0;
  acked = 0;
  /** The number of the newest checkpoint that the session said it has stored. */
  saved = 0;
  assignment: Assignment | null = null;
  commands: { id: number; command: Command }[] = [];
  /** How it ended: `ended`, `lease_lost` or `gone`. */
  over: string | null = null;
  client: FakeClient | null = null;
  readonly #session: SessionInProcess;

  constructor(session: SessionInProcess, epoch: number, name: string, task = IMPLICIT_TASK) {
    this.#session = session;
    this.epoch = epoch;
    this.task = task;
    this.name = name;
    this.id = uuidOf(name);
    this.instanceId = uuidOf(`${name} instance`);
    this.streamId = uuidOf(`${name} stream ${epoch}`);
  }

  /** Opens a run socket and claims the lease on it. */
  connect(): this {
    this.client = this.#session.openRun(this.epoch, undefined, this.task);
    const identity = {
      agent_id: this.id,
      agent_name: this.name,
      instance_id: this.instanceId,
      repository: this.repository,
    };
    const proof = this.#session.proofFor(this.epoch, identity, undefined, this.task);
    const [head_commit, can_merge] = [this.headCommit, this.canMerge];
    const claim = { ...identity, stream_id: this.streamId, head: this.head, proof, head_commit, can_merge };
    this.client.send({ type: 'present', ...claim });
    return this.read();
  }

  /** Sends all unacknowledged frames. */
  flush(): this {
    if (this.buffer.length > 0) this.client?.send({ type: 'frames', frames: this.buffer });
    return this.read();
  }

  /** Numbers frames, and sends them with all unacknowledged ones. */
  send(...bodies: AgentFrameBody[]): this {
    return this.append(...bodies).flush();
  }

  /** Numbers frames without sending them. */
  append(...bodies: AgentFrameBody[]): this {
    for (const body of bodies) this.buffer.push({ n: ++this.head, ...body });
    return this;
  }

  /** Handles the messages that have arrived. */
  read(): this {
    for (const frame of this.client?.take<RunDown>() ?? []) {
      if (frame.type === 'lease') {
        this.assignment = frame.assignment;
        this.saved = frame.saved;
        this.#acknowledge(frame.acked);
      } else if (frame.type === 'saved') this.saved = frame.n;
      else if (frame.type === 'ack') this.#acknowledge(frame.n);
      else if (frame.type === 'expected') this.#acknowledge(frame.n - 1);
      else if (frame.type === 'command') this.#command(frame);
      else {
        this.over = frame.type;
        if (frame.type === 'ended') this.saved = frame.saved;
      }
    }
    return this;
  }

  /** Acknowledges commands. */
  acknowledge(...ids: number[]): this {
    for (const id of ids) this.client?.send({ type: 'command_ack', id });
    return this.read();
  }

  /** Advances the time, with regular pings that the platform answers without waking the object. */
  async ping(ms: number): Promise<this> {
    for (let rest = ms; rest > 0; rest -= PING_EVERY_MS) {
      this.client?.ping();
      await this.#session.advance(Math.min(rest, PING_EVERY_MS));
    }
    return this;
  }

  commandsOf<T extends Command['type']>(type: T): Extract<Command, { type: T }>['data'][] {
    this.read();
    return this.commands.flatMap(({ command }) => (command.type === type ? [command.data as never] : []));
  }

  #acknowledge(n: number): void {
    this.acked = n;
    this.buffer = this.buffer.filter((frame) => frame.n > n);
  }

  #command({ id, command }: Extract<RunDown, { type: 'command' }>): void {
    if (!this.commands.some((known) => known.id === id)) this.commands.push({ id, command });
  }
}

// --- Frames by type

export function text(part: string, offset: number, words: string): AgentFrameBody {
  return { type: 'text.delta', data: { message_id: 'message', part_id: part, offset, text: words } };
}

export function partDone(part: string, length: number): AgentFrameBody {
  return { type: 'part.completed', data: { message_id: 'message', part_id: part, length } };
}

export function note(words: string): AgentFrameBody {
  return { type: 'agent.note', data: { level: 'info', text: words } };
}

export function usage(cost_usd = 0.5, input_tokens = 100): AgentFrameBody {
  const tokens = { output_tokens: 10, reasoning_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 };
  return { type: 'usage', data: { model: 'demo/scripted', sub_agent: false, input_tokens, ...tokens, cost_usd } };
}

type Tool = Extract<AgentFrameBody, { type: 'tool' }>['data'];

export function tool(changes: Partial<Tool> = {}): AgentFrameBody {
  return { type: 'tool', data: { message_id: 'message', call_id: 'call', tool: 'bash', state: 'running', ...changes } };
}

export function modelRetry(attempt = 1, next_in_ms = 1_000): AgentFrameBody {
  return { type: 'model.retry', data: { attempt, message: 'overloaded', next_in_ms } };
}

export function result(
  messages_done = 1,
  changes: Partial<Extract<AgentFrameBody, { type: 'result' }>['data']> = {},
): AgentFrameBody {
  return { type: 'result', data: { status: 'completed', text: 'Done.', messages_done, error: null, ...changes } };
}

export function failure(retryable: boolean): AgentFrameBody {
  return result(0, { status: 'failed', error: { code: 'model_broken', message: 'No model.', retryable } });
}

export function released(reason: Extract<AgentFrameBody, { type: 'released' }>['data']['reason']): AgentFrameBody {
  return { type: 'released', data: { reason, message: reason } };
}

/** The report that the work of a checkpoint conflicts with that of others. */
export function conflict(ours: number[], theirs: number, ...paths: string[]): AgentFrameBody {
  const files = paths.map((path) => ({ path, kind: 'content' as const, ours: 'one\n', theirs: 'two\n' }));
  return { type: 'conflict', data: { ours, theirs, files, total: files.length } };
}

type Asked = Extract<AgentFrameBody, { type: 'approval.asked' }>['data'];

export function asked(ask_id: string, changes: Partial<Asked> = {}): AgentFrameBody {
  return {
    type: 'approval.asked',
    data: {
      ask_id,
      kind: 'permission',
      title: 'bash: npm test',
      permission: 'bash',
      patterns: ['npm test'],
      always: ['npm *'],
      questions: [],
      detail: { command: 'npm test' },
      ...changes,
    },
  };
}

export function question(ask_id: string): AgentFrameBody {
  const options = [
    { label: 'red', description: '' },
    { label: 'blue', description: '' },
  ];
  const questions = [{ question: 'Which colour?', header: 'Colour', options, multiple: false }];
  return asked(ask_id, {
    kind: 'question',
    title: 'Colour',
    permission: null,
    patterns: [],
    always: [],
    questions,
  });
}

/** The frames of a checkpoint: the chunks of its patch and conversation, and the checkpoint itself. */
export function checkpoint(
  name: string,
  changes: Partial<Extract<AgentFrameBody, { type: 'checkpoint' }>['data']> = {},
): AgentFrameBody[] {
  const patch = artifact(`${name} patch`, `diff of ${name}\n`.repeat(200));
  const conversation = artifact(`${name} conversation`, `{"said":"${name}"}`);
  return [
    ...patch.chunks,
    ...conversation.chunks,
    {
      type: 'checkpoint',
      data: {
        turn: 1,
        messages_done: 1,
        base_commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
        patch: patch.part,
        conversation: { ...conversation.part, format: 'opencode-1' },
        files: [{ path: `${name}.txt`, status: 'added', additions: 1, deletions: 0 }],
        local_only: false,
        requested: false,
        ...changes,
      },
    },
  ];
}

export function artifact(name: string, content: string) {
  const artifact_id = uuidOf(name);
  const bytes = Buffer.from(content);
  const chunks: AgentFrameBody[] = [];
  for (let start = 0; start < bytes.length; start += CHUNK_CHARS) {
    const data = bytes.subarray(start, start + CHUNK_CHARS).toString('base64');
    chunks.push({ type: 'artifact.chunk', data: { artifact_id, index: chunks.length, data } });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { chunks, part: { artifact_id, bytes: bytes.length, sha256 } };
}

type CheckEnded = Extract<AgentFrameBody, { type: 'check.ended' }>['data'];

/** A check of the task that has run. It has passed, unless something else is said. */
export function checked(index: number, round: number, changes: Partial<CheckEnded> = {}): AgentFrameBody[] {
  const run = { round, index, command: 'npm test' };
  return [
    { type: 'check.started', data: { ...run, timeout_seconds: 600 } },
    { type: 'check.ended', data: { ...run, outcome: 'passed', exit_code: 0, ms: 1_200, output: 'ok', ...changes } },
  ];
}
