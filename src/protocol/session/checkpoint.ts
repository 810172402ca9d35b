import * as z from 'zod';
import { TaskId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';

/** The bounds of what a checkpoint lacks. */
export const MAX_LACKS = 50;
export const MAX_LACK_CHARS = 500;

/** What of the work a checkpoint does not hold, one phrase each; absent when it holds everything. */
export const Lacks = schema(() => z.array(z.string().max(MAX_LACK_CHARS)).max(MAX_LACKS).optional());

const EXAMPLE_ARTIFACT = { id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', content: 'patch' as const, bytes: 412 };

export const EXAMPLE_CHECKPOINT = {
  number: 1,
  task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000001',
  epoch: 1,
  created_at: '2026-11-22T15:04:05.678Z',
  turn: 1,
  messages_done: 1,
  base_commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  commit: '9daeafb9864cf43055ae93beb0afd6c7d144bfa4',
  patch_bytes: 412,
  conversation_bytes: 5_120,
  local_only: false,
  requested: false,
  artifacts: [EXAMPLE_ARTIFACT],
};

/** An artifact of a checkpoint, whose bytes can be read. */
const ArtifactView = schema(() =>
  z
    .object({
      id: Uuid(),
      content: z.enum(['patch', 'conversation']),
      bytes: z.int(),
    })
    .meta({
      id: 'Artifact',
      description:
        'Bytes of a checkpoint: its patch, or a part of its conversation. A patch that begins with the byte 0x1f is compressed with gzip.',
      example: EXAMPLE_ARTIFACT,
    }),
);

export const CheckpointView = schema(() =>
  z
    .object({
      number: z.int(),
      task_id: TaskId(),
      epoch: z.int(),
      created_at: Instant(),
      turn: z.int(),
      messages_done: z.int(),
      base_commit: z.string().nullable(),
      commit: z.string().nullable().optional().meta({
        description: 'The commit with the work. Every agent builds the same one. Null or absent if none was made.',
      }),
      patch_bytes: z.int(),
      conversation_bytes: z.int(),
      local_only: z.boolean(),
      requested: z.boolean(),
      lacks: Lacks(),
      /** Absent in a checkpoint of an older version. */
      artifacts: z.array(ArtifactView()).optional(),
    })
    .meta({
      id: 'CheckpointView',
      description: 'A point from which another machine can continue.',
      example: EXAMPLE_CHECKPOINT,
    }),
);
export type CheckpointView = Infer<typeof CheckpointView>;

export const DiffFile = schema(() =>
  z
    .object({
      path: z.string(),
      status: z.enum(['added', 'modified', 'deleted', 'renamed']),
      additions: z.int(),
      deletions: z.int(),
    })
    .meta({
      id: 'DiffFile',
      description: 'A changed file. Binary files have no line counts.',
      example: { path: 'hello.txt', status: 'added', additions: 1, deletions: 0 },
    }),
);
export type DiffFile = Infer<typeof DiffFile>;

export const SessionDiff = schema(() =>
  z
    .object({
      checkpoint: z.int().nullable(),
      base_commit: z.string().nullable(),
      commit: z.string().optional().meta({ description: 'The commit with the work. Absent if no agent made one.' }),
      files: z.array(DiffFile()),
      patch: z.string(),
      /** False when the patch holds bytes that are not UTF-8. `patch` shows each as U+FFFD and does not apply then. */
      is_text: z.boolean(),
      /** True when `patch` is only the beginning of a long one. */
      is_cut: z.boolean().optional(),
      local_only: z.boolean(),
      lacks: Lacks(),
    })
    .meta({
      id: 'SessionDiff',
      description:
        'The work up to the newest checkpoint, as a patch against the base commit. To apply it, read its bytes from `/patch`.',
      example: {
        checkpoint: 1,
        base_commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
        files: [{ path: 'hello.txt', status: 'added', additions: 1, deletions: 0 }],
        patch: 'diff --git a/hello.txt b/hello.txt\n',
        is_text: true,
        local_only: false,
      },
    }),
);
export type SessionDiff = Infer<typeof SessionDiff>;

export const CheckpointList = schema(() =>
  z.object({ items: z.array(CheckpointView()), next_cursor: NextCursor() }).meta({
    id: 'CheckpointList',
    description: 'A page of the session’s checkpoints, oldest first.',
    example: { items: [], next_cursor: null },
  }),
);
export type CheckpointList = Infer<typeof CheckpointList>;

export const CheckpointRequested = schema(() =>
  z.object({ requested: z.literal(true) }).meta({
    id: 'CheckpointRequested',
    description: 'The agent was asked for a checkpoint, which will appear in the log.',
    example: { requested: true },
  }),
);
export type CheckpointRequested = Infer<typeof CheckpointRequested>;
