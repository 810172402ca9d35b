import * as z from 'zod';
import { Commit, Ordinal, Path } from '../common/bounds.ts';
import { ConflictKind, ConflictSide } from '../common/enums.ts';
import { TaskId } from '../common/ids.ts';
import { MAX_CONFLICT_FILES, MAX_WORKS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { Lacks } from '../session/checkpoint.ts';

/**
 * What a task has done to the files: one of its checkpoints. It is a commit that every agent can build again, because
 * nothing in it depends on the agent: its tree is the base commit with the patch, and its author, dates and message
 * follow from the base commit and the task's id.
 */
export const Work = schema(() =>
  z.object({
    /** The number of the checkpoint, which names the work. */
    checkpoint: Ordinal(),
    task_id: TaskId(),
    /** The works whose commits are the parents of its commit, in this order. If there are none, the base commit is. */
    parents: z.array(Ordinal()).max(MAX_WORKS),
    base_commit: Commit(),
    /** Its commit; null if an earlier release made the checkpoint, so that nothing can be compared. */
    commit: Commit().nullable(),
    /** The patch against the base commit. Null: the work has the files of the base commit, or is `local_only`. */
    patch_artifact_id: z.string().nullable(),
    patch_sha256: z.string().nullable(),
    local_only: z.boolean(),
    lacks: Lacks(),
  }),
);
export type Work = Infer<typeof Work>;

/** Where an assignment starts. Works are named by the numbers of their checkpoints. */
export const Start = schema(() =>
  z.object({
    /** The commit on which the session's work is based; null until an agent has named one. */
    base_commit: Commit().nullable(),
    /**
     * The works with whose files the task begins, merged in this order. None: the base commit. A single one may be the
     * task's own, from an earlier lease.
     */
    from: z.array(Ordinal()).max(MAX_WORKS),
    /** The works whose commits are the parents of every commit of this lease, in this order. */
    parents: z.array(Ordinal()).max(MAX_WORKS),
    /** All works from which those two are built, each after its parents. */
    works: z.array(Work()).max(MAX_WORKS),
  }),
);
export type Start = Infer<typeof Start>;

/** What a person has chosen for a file in conflict. `path` null: for all other files. */
export const ConflictChoice = schema(() => z.object({ path: Path().nullable(), side: ConflictSide() }));
export type ConflictChoice = Infer<typeof ConflictChoice>;

/** The job of a task of the kind `resolve`: the last of its works conflicts with the others, merged before. */
export const Resolution = schema(() =>
  z.object({
    /** The task that waits for it. */
    blocked_task_id: TaskId(),
    /** What a person has chosen. The agent then uses no model. Null: the agent decides, with its model. */
    choices: z
      .array(ConflictChoice())
      .max(MAX_CONFLICT_FILES + 1)
      .nullable(),
  }),
);
export type Resolution = Infer<typeof Resolution>;

/** The most text of one side of a file in conflict. */
const MAX_EXCERPT_CHARS = 2_000;

export const ConflictFile = schema(() =>
  z.object({
    path: Path(),
    kind: ConflictKind(),
    /** The beginning of what each side has there; null: it has no such file, or it is no text. */
    ours: z.string().max(MAX_EXCERPT_CHARS).nullable(),
    theirs: z.string().max(MAX_EXCERPT_CHARS).nullable(),
  }),
);
export type ConflictFile = Infer<typeof ConflictFile>;

/** Works that cannot be merged. It ends the lease, like a release. */
export const ConflictReport = schema(() =>
  z.object({
    /** The works that were merged before, in their order. */
    ours: z.array(Ordinal()).min(1).max(MAX_WORKS),
    /** The work that conflicts with them. */
    theirs: Ordinal(),
    /** The first files in conflict, by path. */
    files: z.array(ConflictFile()).min(1).max(MAX_CONFLICT_FILES),
    /** How many files are in conflict, also those that `files` leaves out. */
    total: Ordinal(),
  }),
);
export type ConflictReport = Infer<typeof ConflictReport>;
