import * as z from 'zod';
import { Commit, Name, Reason } from '../common/bounds.ts';
import { BranchName } from '../common/branch.ts';
import { TaskId } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { type Infer, schema } from '../common/schema.ts';
import { hasControls } from '../common/text.ts';

/** The delivery of a session's work: one commit on a new branch, in the clone of an agent or also at its remote. */

const MAX_REMOTE_NAME_CHARS = 100;
const MAX_MESSAGE_CHARS = 5_000;

const RemoteName = schema(() =>
  z
    .string()
    .max(MAX_REMOTE_NAME_CHARS)
    .regex(/^\w[\w.-]*$/, 'must be the name of a remote, such as origin'),
);

const CommitMessage = schema(() =>
  z
    .string()
    .trim()
    .min(1)
    .max(MAX_MESSAGE_CHARS)
    .refine((text) => !hasControls(text.replaceAll(/[\n\t]/g, '')), 'must have no control characters but line ends'),
);

export const DeliverRequest = schema(() =>
  z
    .strictObject({
      branch: BranchName().optional().meta({
        description: 'A branch that does not exist yet; by default `oio/`, the title and the beginning of the id.',
      }),
      push: z.boolean().default(false).meta({ description: 'Whether the agent also pushes the branch.' }),
      remote: RemoteName()
        .optional()
        .meta({ description: 'Where to push: a remote of the clone; `origin` by default.' }),
      message: CommitMessage().optional().meta({
        description: 'The message of the commit; by default the title and the id of the session.',
      }),
    })
    .refine(({ push, remote }) => push || remote === undefined, {
      path: ['remote'],
      message: 'says where to push, so it needs push: true',
    })
    .meta({
      id: 'DeliverRequest',
      description:
        'How the work of the session is delivered: as one commit after the base commit, on a new branch in the clone of an agent. A branch that exists is never changed.',
      example: { branch: 'oio/list-flag', push: true },
    }),
);
export type DeliverRequest = Infer<typeof DeliverRequest>;

export const DeliveryState = schema(() => z.enum(['waiting', 'running', 'delivered', 'conflict', 'failed']));
export type DeliveryState = Infer<typeof DeliveryState>;

/** Of the examples. */
export const EXAMPLE_DELIVERY = {
  state: 'delivered' as const,
  branch: 'oio/list-flag',
  commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  pushed: true,
  remote: 'origin',
  reason: null,
};

export const BranchDelivery = schema(() =>
  z
    .object({
      state: DeliveryState().meta({
        description:
          'waiting: for the end of the session, or for an agent. running: an agent delivers. conflict: the branch has other content, so that it was left as it is.',
      }),
      branch: z.string(),
      commit: z.string().nullable().meta({ description: 'Null before it is made.' }),
      pushed: z.boolean(),
      remote: z.string().nullable().meta({ description: 'Where the branch is pushed; null if it is not to be.' }),
      reason: z.string().nullable().meta({ description: 'Why it is not delivered, and what to do.' }),
      task_id: TaskId().nullable().meta({ description: 'The task that delivers; null while the session goes on.' }),
      agent_name: z.string().nullable().meta({ description: 'The agent whose clone has the branch.' }),
      requested_at: Instant().nullable(),
    })
    .meta({
      id: 'BranchDelivery',
      description: 'The newest delivery of the session’s work.',
      example: {
        ...EXAMPLE_DELIVERY,
        task_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000002',
        agent_name: 'AGENT-LOCAL',
        requested_at: '2026-11-22T15:04:05.678Z',
      },
    }),
);
export type BranchDelivery = Infer<typeof BranchDelivery>;

/** What an agent delivers, in an assignment of the kind `deliver`. The same order gives the same commit in each clone. */
export const DeliveryOrder = schema(() =>
  z
    .object({
      branch: z.string(),
      message: z.string().meta({ description: 'Of the commit, without the line end.' }),
      at: z.int().meta({ description: 'The time of the commit, in seconds since the epoch.' }),
      base_commit: z.string().meta({ description: 'The parent of the commit.' }),
      patch_artifact_id: z.string().meta({ description: 'All of the work, as a patch against the base commit.' }),
      patch_sha256: z.string(),
      remote: z
        .string()
        .nullable()
        .meta({ description: 'The remote to which the branch is pushed; null if it is not.' }),
    })
    .meta({
      id: 'DeliveryOrder',
      description: 'The work that becomes one commit on a new branch.',
      example: {
        branch: 'oio/list-flag',
        message: 'Add the flag',
        at: 1_795_359_845,
        base_commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
        patch_artifact_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        patch_sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        remote: 'origin',
      },
    }),
);
export type DeliveryOrder = Infer<typeof DeliveryOrder>;

/** What an agent reports of a delivery. */
export const DeliveryReport = schema(() =>
  z.object({
    state: z.enum(['delivered', 'conflict', 'failed']),
    branch: Name(),
    commit: Commit().nullable(),
    pushed: z.boolean(),
    remote: Name().nullable(),
    reason: Reason().nullable(),
  }),
);
export type DeliveryReport = Infer<typeof DeliveryReport>;
