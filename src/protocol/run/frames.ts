import * as z from 'zod';
import {
  boundedObject,
  Commit,
  Count,
  MAX_COUNT,
  MAX_ID_CHARS,
  MAX_NAME_CHARS,
  Name,
  Ordinal,
  Path,
  Reason,
} from '../common/bounds.ts';
import { AgentApprovalKind } from '../common/enums.ts';
import { Uuid } from '../common/ids.ts';
import {
  BATCH_BYTES,
  CHUNK_BYTES,
  MAX_CONVERSATION_BYTES,
  MAX_CONVERSATION_PARTS,
  MAX_PATCH_BYTES,
} from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { hasControls } from '../common/text.ts';
import { AgentEventBody, MAX_PART_CHARS, MAX_TITLE_CHARS } from '../events/agent.ts';
import { DiffFile, Lacks } from '../session/checkpoint.ts';
import { SessionError } from '../session/session.ts';
import { ConflictReport } from './start.ts';

/** The length of a chunk's data in base64. */
export const CHUNK_CHARS = Math.ceil(CHUNK_BYTES / 3) * 4;
const SHA256_DIGITS = 64;

/** The agent's own name for a request. */
export const AskId = schema(() => z.string().min(1).max(MAX_NAME_CHARS));
const Patterns = schema(() => z.array(z.string().max(MAX_PATTERN_CHARS)).max(100));
const MAX_PATTERN_CHARS = 65_536;
const AskedQuestion = schema(() =>
  z.object({
    question: z.string().max(5_000),
    header: z.string().max(MAX_TITLE_CHARS),
    options: z.array(z.object({ label: z.string().max(5_000), description: z.string().max(MAX_TITLE_CHARS) })).max(100),
    multiple: z.boolean(),
  }),
);

/** The session shortens a long error, so that a frame which ends a lease is not refused for its text. */
const ErrorText = schema(() => z.string().max(BATCH_BYTES));
const ReportedError = schema(() => SessionError().extend({ code: ErrorText(), message: ErrorText() }));

export const ApprovalAsked = schema(() =>
  z.object({
    /** The agent's own name for it; unique within the stream. */
    ask_id: AskId(),
    kind: AgentApprovalKind(),
    title: z.string().max(MAX_TITLE_CHARS),
    permission: Name().nullable(),
    patterns: Patterns(),
    /** The wider patterns that `always` would allow. */
    always: Patterns(),
    questions: z.array(AskedQuestion()).max(50),
    detail: boundedObject(BATCH_BYTES),
  }),
);

export const ApprovalWithdrawn = schema(() =>
  z.object({
    type: z.literal('approval.withdrawn'),
    data: z.object({ ask_id: AskId(), reason: Reason() }),
  }),
);

/** What an artifact is when it is a file of the result. Its path is relative, and names it within its task. */
export const FileFacts = schema(() =>
  z.object({
    path: z
      .string()
      .min(1)
      .max(MAX_FILE_PATH_CHARS)
      .refine((path) => !hasControls(path), 'must have no control characters')
      .refine(
        (path) => path.split('/').every((part) => !['', '.', '..'].includes(part)) && !/[\\\\:]/.test(path),
        'must be a relative path, such as reports/tests.xml',
      ),
    mime_type: z
      .string()
      .max(MAX_NAME_CHARS)
      .regex(/^[\w.+-]{1,100}\/[\w.+-]{1,100}$/, 'must be a media type, such as text/plain'),
  }),
);
export type FileFacts = Infer<typeof FileFacts>;
const MAX_FILE_PATH_CHARS = 500;

/**
 * `index` counts from 0 without gaps; `data` is base64 of at most CHUNK_BYTES. The last chunk of a file of the result has
 * `file`; artifacts of checkpoints have none.
 */
export const ArtifactChunk = schema(() =>
  z.object({
    artifact_id: Uuid(),
    index: Count(),
    data: z.base64().max(CHUNK_CHARS, `a chunk holds at most ${CHUNK_BYTES} bytes`),
    file: FileFacts().optional(),
  }),
);

export const CheckpointReport = schema(() => {
  const artifact = {
    artifact_id: Uuid(),
    bytes: z.int().min(0).max(Math.max(MAX_PATCH_BYTES, MAX_CONVERSATION_BYTES)),
    sha256: z.string().max(SHA256_DIGITS),
  };
  return z.object({
    turn: Count(),
    /** The number of the last message whose turn the conversation holds completely. */
    messages_done: Count(),
    base_commit: Commit().nullable(),
    /** The commit with the work; see `Work`. Absent if the agent makes none. */
    commit: Commit().nullable().optional(),
    patch: z.object(artifact).nullable(),
    /** `parts`: the artifacts of this lease that hold what comes before, in order; see `max_conversation_parts`. */
    conversation: z
      .object({
        ...artifact,
        format: Name(),
        parts: z.array(z.object(artifact)).max(MAX_CONVERSATION_PARTS).optional(),
      })
      .nullable(),
    files: z.array(DiffFile().extend({ path: Path(), additions: Count(), deletions: Count() })).max(1_000),
    /** The work is too large for a patch and stayed on the agent's machine. */
    local_only: z.boolean(),
    requested: z.boolean(),
    lacks: Lacks(),
  });
});

/** Why an agent releases a lease without a result. */
export const ReleaseReason = schema(() => z.enum(['paused', 'stopped', 'refused', 'shutdown', 'lost']));

/** A report of the agent. Frames are numbered from 1 in each (task, epoch, stream). */
export const AgentFrameBody = schema(() =>
  z.discriminatedUnion('type', [
    ...AgentEventBody().options,
    z.object({ type: z.literal('approval.asked'), data: ApprovalAsked() }),
    ApprovalWithdrawn(),
    z.object({ type: z.literal('artifact.chunk'), data: ArtifactChunk() }),
    z.object({ type: z.literal('checkpoint'), data: CheckpointReport() }),
    /** The lease's work is done. The session replies with `ended`, or with `message` commands that continue the lease. */
    z.object({
      type: z.literal('result'),
      data: z.object({
        status: z.enum(['completed', 'partial', 'failed']),
        text: z.string().max(100_000),
        messages_done: Count(),
        /** Why the model ended its last answer, such as `stop` or `length`; null when that is not known. */
        finish: z.string().max(100).nullable().optional(),
        /** The number of files that differ from the base commit, as far as the checkpoint lists them. */
        files_changed: Count().optional(),
        error: ReportedError().nullable(),
      }),
    }),
    /** The agent releases the lease without a result: it was paused or stopped, or the agent cannot continue. */
    z.object({
      type: z.literal('released'),
      data: z.object({ reason: ReleaseReason(), message: ErrorText() }),
    }),
    /** The work before the task cannot be merged, and the lease ends. The session sees to it that the conflict is resolved. */
    z.object({ type: z.literal('conflict'), data: ConflictReport() }),
  ]),
);
export type AgentFrameBody = Infer<typeof AgentFrameBody>;

export const AgentFrame = schema(() => z.intersection(z.object({ n: Ordinal() }), AgentFrameBody()));
export type AgentFrame = { n: number } & AgentFrameBody;

/** A frame as it was read, without its number, or why it is none. */
export type ReadFrame = { ok: true; body: AgentFrameBody } | { ok: false; problem: string };

/**
 * Reads a numbered frame as `AgentFrame` does. Increments of text are nearly all of an agent's frames, so they are
 * checked by hand, which takes a tenth of the time; anything else, and an increment that is not in order, is the
 * schema's.
 */
export function readFrame(raw: unknown): ReadFrame {
  const increment = asIncrement(raw);
  if (increment) return { ok: true, body: increment };
  const parsed = AgentFrame().safeParse(raw);
  if (!parsed.success) return { ok: false, problem: parsed.error.issues[0]?.message ?? 'not a frame' };
  const { n: _, ...body } = parsed.data;
  return { ok: true, body: body as AgentFrameBody };
}

type Loose<T> = { [K in keyof T]?: unknown } | null;

function asIncrement(raw: unknown): AgentFrameBody | null {
  const { n, type, data } = (raw ?? {}) as { n?: unknown; type?: unknown; data?: Loose<Increment['data']> };
  if (type !== 'text.delta' && type !== 'reasoning.delta') return null;
  if (!isSafeInteger(n) || n < 1 || n > MAX_COUNT || typeof data !== 'object' || data === null) return null;
  const { message_id, part_id, offset, text } = data;
  if (!isText(message_id, MAX_ID_CHARS) || !isText(part_id, MAX_ID_CHARS) || !isText(text, BATCH_BYTES)) return null;
  if (!isSafeInteger(offset) || offset < 0 || offset > MAX_PART_CHARS) return null;
  return { type, data: { message_id, part_id, offset, text } };
}

type Increment = Extract<AgentFrameBody, { type: 'text.delta' }>;

function isSafeInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isText(value: unknown, maxChars: number): value is string {
  return typeof value === 'string' && value.length <= maxChars;
}
