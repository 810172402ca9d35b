import * as z from 'zod';
import { SessionId, TaskId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { ContextName } from './address.ts';

/** The API's views of contexts: values that people and agents share, with their versions. */

export const ContextId = schema(() =>
  z
    .uuid()
    .meta({ id: 'ContextId', description: 'The id of a context.', example: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d' }),
);
export type ContextId = Infer<typeof ContextId>;

export const ContextScope = schema(() =>
  z.enum(['session', 'agent', 'global', 'temporary']).meta({
    id: 'ContextScope',
    description: 'Whose context it is: a session’s, an agent’s, the workspace’s, or nobody’s for long.',
    example: 'session',
  }),
);
export type ContextScope = Infer<typeof ContextScope>;

/** The data of a context: a JSON object. */
export const ContextData = schema(() => z.record(z.string(), z.unknown()));
export type ContextData = Infer<typeof ContextData>;

export const ContextWriter = schema(() =>
  z
    .object({
      token_id: z.string(),
      agent_id: Uuid().nullable().meta({ description: 'The agent whose token it is; null of any other token.' }),
      task_id: TaskId()
        .nullable()
        .meta({ description: 'The task under whose lease it was written; null without one.' }),
      epoch: z.int().nullable(),
    })
    .meta({
      id: 'ContextWriter',
      description: 'Who has written a version.',
      example: { token_id: 'static', agent_id: null, task_id: null, epoch: null },
    }),
);
export type ContextWriter = Infer<typeof ContextWriter>;

const EXAMPLE_WRITER = { token_id: 'static', agent_id: null, task_id: null, epoch: null };

const Places = schema(() =>
  z.array(z.string()).nullable().meta({ description: 'JSON Pointers, if only these places are meant.' }),
);

export const ContextParent = schema(() =>
  z.object({ id: ContextId(), version: z.int(), own_version: z.int(), keys: Places() }).meta({
    id: 'ContextParent',
    description: 'A context whose version `version` is part of this one since its own version `own_version`.',
    example: { id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', version: 2, own_version: 1, keys: null },
  }),
);

export const ContextLink = schema(() =>
  z.object({ id: ContextId(), keys: Places() }).meta({
    id: 'ContextLink',
    description: 'Another context, or some places of it, whose values count behind those of this one.',
    example: { id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', keys: null },
  }),
);
export type ContextLink = Infer<typeof ContextLink>;

export const Context = schema(() =>
  z
    .object({
      id: ContextId(),
      scope: ContextScope(),
      session_id: SessionId().nullable(),
      agent_id: Uuid().nullable(),
      name: ContextName(),
      version: z.int().meta({
        description:
          'It starts at 1, and each change makes the next one. A context that is created again after its deletion goes on counting.',
      }),
      data: ContextData(),
      parents: z.array(ContextParent()).meta({ description: 'What it was copied from or has merged.' }),
      links: z.array(ContextLink()).meta({ description: 'What is effective together with it.' }),
      open_conflicts: z.int(),
      secret_paths: z.array(z.string()).meta({
        description:
          'JSON Pointers of the places that are secret. Their values are `[secret]` for who may not see them.',
      }),
      created_at: Instant(),
      updated_at: Instant(),
      updated_by: ContextWriter(),
    })
    .meta({
      id: 'Context',
      description: 'A context with its newest data, or with that of the version that was asked for.',
      example: {
        id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        scope: 'session',
        session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
        agent_id: null,
        name: 'main',
        version: 2,
        data: { build: { status: 'green' } },
        parents: [],
        links: [],
        open_conflicts: 0,
        secret_paths: [],
        created_at: '2026-11-22T15:04:05.678Z',
        updated_at: '2026-11-22T15:05:00.000Z',
        updated_by: EXAMPLE_WRITER,
      },
    }),
);
export type Context = Infer<typeof Context>;

export const ContextSummary = schema(() =>
  z
    .object({
      id: ContextId(),
      name: z.string(),
      scope: ContextScope(),
      session_id: SessionId().nullable(),
      agent_id: Uuid().nullable(),
      version: z.int(),
      created_at: Instant(),
      updated_at: Instant(),
      updated_by: ContextWriter(),
    })
    .meta({
      id: 'ContextSummary',
      description: 'A context in a list, without its data.',
      example: {
        id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d',
        name: 'main',
        scope: 'session',
        session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000',
        agent_id: null,
        version: 2,
        created_at: '2026-11-22T15:04:05.678Z',
        updated_at: '2026-11-22T15:05:00.000Z',
        updated_by: EXAMPLE_WRITER,
      },
    }),
);
export type ContextSummary = Infer<typeof ContextSummary>;
export const ContextKey = schema(() =>
  z
    .object({
      id: ContextId(),
      path: z.string().meta({ description: 'A JSON Pointer (RFC 6901).' }),
      value: z.unknown(),
      version: z.int().meta({ description: 'The version of the context.' }),
      changed: z
        .object({ version: z.int(), at: Instant(), by: z.string() })
        .meta({ description: 'The last change at this place or below it. `by` is an agent, or the id of a token.' }),
    })
    .meta({
      id: 'ContextKey',
      description: 'The value of one place of a context.',
      example: {
        ...{ id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', path: '/build', value: { status: 'green' }, version: 2 },
        changed: { version: 2, at: '2026-11-22T15:05:00.000Z', by: 'static' },
      },
    }),
);
export type ContextKey = Infer<typeof ContextKey>;

export const ContextEdit = schema(() =>
  z
    .object({
      path: z.string().meta({ description: 'A JSON Pointer (RFC 6901).' }),
      value: z.unknown().optional().meta({ description: 'The new value. Absent: the place was removed.' }),
    })
    .meta({
      id: 'ContextEdit',
      description: 'A change of one place. An array is one value.',
      example: { path: '/build/status', value: 'green' },
    }),
);

export const ContextChange = schema(() =>
  z
    .object({
      version: z.int(),
      id: Uuid().meta({ description: 'The id of the change.' }),
      at: Instant(),
      by: ContextWriter(),
      edits: z.array(ContextEdit()),
      merged: z
        .array(z.object({ id: ContextId(), version: z.int() }))
        .optional()
        .meta({ description: 'The contexts from which the change was merged; absent of any other change.' }),
    })
    .meta({
      id: 'ContextChange',
      description: 'What made a version of the one before.',
      example: {
        version: 2,
        id: '8a52f0e1-3f0e-4f0c-9d0b-0d6f3a1b2c3d',
        at: '2026-11-22T15:05:00.000Z',
        by: EXAMPLE_WRITER,
        edits: [{ path: '/build/status', value: 'green' }],
      },
    }),
);
export type ContextChange = Infer<typeof ContextChange>;

export const ContextHistory = schema(() =>
  z
    .object({
      items: z.array(ContextChange()),
      next_cursor: NextCursor(),
      base_version: z.int().meta({
        description: 'The oldest version that can be read. The changes up to it are not kept one by one.',
      }),
    })
    .meta({
      id: 'ContextHistory',
      description: 'A page of the changes of a context, the newest first.',
      example: { items: [], next_cursor: null, base_version: 1 },
    }),
);
export type ContextHistory = Infer<typeof ContextHistory>;

export const ContextDiff = schema(() =>
  z
    .object({
      added: z.array(z.object({ path: z.string(), value: z.unknown() })),
      changed: z.array(z.object({ path: z.string(), old: z.unknown(), new: z.unknown() })),
      removed: z.array(z.object({ path: z.string(), value: z.unknown() })),
    })
    .meta({
      id: 'ContextDiff',
      description: 'How one value differs from another one, by place. Paths are JSON Pointers. An array is one value.',
      example: { added: [], changed: [{ path: '/build/status', old: 'red', new: 'green' }], removed: [] },
    }),
);
export type ContextDiff = Infer<typeof ContextDiff>;
