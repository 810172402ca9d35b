import * as z from 'zod';
import { SessionId, Uuid } from '../common/ids.ts';
import { Instant } from '../common/instant.ts';
import { MAX_CONTEXT_KEYS, MAX_MERGED_CONTEXTS } from '../common/limits.ts';
import { NextCursor } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { ContextName, ContextRef } from './address.ts';
import { ContextData, ContextId, ContextScope } from './context.ts';
import { ContextKeyPath } from './requests.ts';

/** What goes from one context to another: merges, shares, promotions, and what is laid over each other. */

export const MergeStrategy = schema(() =>
  z.enum(['last_write_wins', 'deep_merge', 'prefer_source', 'prefer_target', 'manual']).meta({
    id: 'MergeStrategy',
    description:
      'How places are decided that both have changed. `last_write_wins`: the later one, by the clock of its home. `deep_merge`: both sides. Of arrays whose items have no keys, the items that either has added, without those that one has removed; of a value that one has removed, the other one; else the source. `prefer_source`, `prefer_target`: that one. `manual`: nobody; the target keeps its value, and the conflict waits for an answer.',
    example: 'manual',
  }),
);
export type MergeStrategy = Infer<typeof MergeStrategy>;

export const MergeContextsRequest = schema(() =>
  z
    .strictObject({
      context_ids: z.array(ContextRef()).min(1).max(MAX_MERGED_CONTEXTS),
      strategy: MergeStrategy().default('manual'),
      target_id: ContextRef().optional().meta({
        description: 'The context that gets the others. By default, the last one of `context_ids`.',
      }),
    })
    .meta({
      id: 'MergeContextsRequest',
      description: 'Contexts to merge into one of them, or into another one, in their order.',
      example: { context_ids: ['global.plan', 'global.notes'], strategy: 'manual' },
    }),
);
export type MergeContextsRequest = Infer<typeof MergeContextsRequest>;

const Keys = schema(() =>
  z.array(ContextKeyPath()).min(1).max(MAX_CONTEXT_KEYS).optional().meta({
    description: 'JSON Pointers of the places that are meant, not into arrays; by default, the whole context.',
  }),
);

export const ShareContextRequest = schema(() =>
  z
    .strictObject({
      target_session_id: SessionId(),
      keys: Keys(),
      mode: z.enum(['copy', 'link']).default('copy').meta({
        description:
          '`copy`: the values, as a merge with the strategy `manual`. `link`: the values as they are at each read of what is effective for the session.',
      }),
      name: ContextName().optional().meta({
        description:
          'Which context of the session. By default, `main` for a link, because only what that one links to is effective, and the same name for a copy.',
      }),
    })
    .meta({
      id: 'ShareContextRequest',
      description: 'The session that gets a context.',
      example: { target_session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000', mode: 'copy' },
    }),
);
export type ShareContextRequest = Infer<typeof ShareContextRequest>;

export const PromoteContextRequest = schema(() =>
  z
    .strictObject({
      scope: z.enum(['session', 'agent', 'global']).default('global'),
      session_id: SessionId().optional(),
      agent_id: Uuid().optional(),
      name: ContextName().optional().meta({ description: 'By default, the same name.' }),
      keys: Keys(),
    })
    .superRefine(({ scope, session_id, agent_id }, context) => {
      for (const [name, id, of] of [
        ['session_id', session_id, 'session'],
        ['agent_id', agent_id, 'agent'],
      ] as const) {
        if ((id !== undefined) === (scope === of)) continue;
        const message = id === undefined ? `is required for the scope ${of}` : `cannot be given for the scope ${scope}`;
        context.addIssue({ code: 'custom', path: [name], message });
      }
    })
    .meta({
      id: 'PromoteContextRequest',
      description: 'A wider scope that gets what is in the context. The context stays.',
      example: { scope: 'global' },
    }),
);
export type PromoteContextRequest = Infer<typeof PromoteContextRequest>;

export const ContextConflict = schema(() =>
  z
    .object({
      n: z.int().meta({ description: 'The number of the conflict.' }),
      path: z.string().meta({ description: 'A JSON Pointer, in which items of arrays have their keys.' }),
      base: z.unknown().optional(),
      current: z.unknown().optional(),
      source: z.unknown().optional(),
      source_id: ContextId(),
      source_version: z.int(),
      at_version: z.int().meta({ description: 'The version of the merge.' }),
      at: Instant(),
    })
    .meta({
      id: 'ContextConflict',
      description:
        'A place that two contexts have changed in different ways: what their ancestor had, what the context has now, and what the source has. A value is absent where there is none, or where it is not known.',
      example: {
        ...{ n: 1, path: '/build/status', base: 'red', current: 'green', source: 'blue' },
        ...{ source_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', source_version: 2, at_version: 3 },
        at: '2026-11-22T15:05:00.000Z',
      },
    }),
);
export type ContextConflict = Infer<typeof ContextConflict>;

export const ContextConflicts = schema(() =>
  z.object({ items: z.array(ContextConflict()), next_cursor: NextCursor() }).meta({
    id: 'ContextConflicts',
    description: 'A page of the open conflicts of a context, the oldest first.',
    example: { items: [], next_cursor: null },
  }),
);
export type ContextConflicts = Infer<typeof ContextConflicts>;

export const ResolveConflictRequest = schema(() =>
  z
    .strictObject({
      choose: z.enum(['current', 'source']).optional(),
      value: z.unknown().optional().meta({ description: 'Another value, in place of `choose`.' }),
    })
    .refine(({ choose, value }) => (choose === undefined) !== (value === undefined), {
      path: ['choose'],
      message: 'or value is required, not both',
    })
    .meta({
      id: 'ResolveConflictRequest',
      description: 'The value that the place gets.',
      example: { choose: 'source' },
    }),
);
export type ResolveConflictRequest = Infer<typeof ResolveConflictRequest>;

export const EffectiveContextQuery = schema(() =>
  z.strictObject({ session_id: SessionId().optional(), agent_id: Uuid().optional() }),
);

const Layer = schema(() =>
  z.object({ context_id: ContextId(), scope: ContextScope(), name: ContextName(), version: z.int() }),
);

export const EffectiveContext = schema(() =>
  z
    .object({
      data: ContextData(),
      layers: z.array(Layer()).meta({ description: 'The contexts, the nearest first.' }),
      origins: z
        .array(z.object({ path: z.string(), context_id: ContextId() }))
        .meta({ description: 'Whence each place is, with all that is in it.' }),
    })
    .meta({
      id: 'EffectiveContext',
      description: 'What counts for a session and an agent: of each key the nearest value.',
      example: {
        data: { build: { status: 'green' } },
        layers: [{ context_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d', scope: 'global', name: 'main', version: 2 }],
        origins: [{ path: '/build', context_id: '3f0e1f5e-8a52-4f0c-9d0b-0d6f3a1b2c3d' }],
      },
    }),
);
export type EffectiveContext = Infer<typeof EffectiveContext>;
