import * as z from 'zod';
import { SessionId, Uuid } from '../common/ids.ts';
import { LeaseText } from '../common/lease-text.ts';
import { MAX_PATCH_OPERATIONS, MAX_POINTER_CHARS, MAX_SECRET_PATHS, MAX_WATCH_PATH_CHARS } from '../common/limits.ts';
import { PageQuery } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { ContextName } from './address.ts';
import { ContextData, ContextScope } from './context.ts';

/** The bodies and queries of requests on contexts. */

/** Which of the two ids each scope has. */
const OWNERS: Record<ContextScope, { session_id: boolean; agent_id: boolean } | 'at most one'> = {
  session: { session_id: true, agent_id: false },
  agent: { session_id: false, agent_id: true },
  global: { session_id: false, agent_id: false },
  temporary: 'at most one',
};

/** The place of a value. `build/status` and `/build/status` are the same one. */
export const ContextKeyPath = schema(() =>
  z
    .string()
    .max(MAX_POINTER_CHARS)
    .regex(
      /^\/?([^~/]|~[01])+(\/([^~/]|~[01])+)*$/,
      'must be a JSON Pointer, such as build/status (in a path: build%2Fstatus)',
    )
    .meta({
      description:
        'A JSON Pointer (RFC 6901), with or without its first slash, encoded as one segment: `build%2Fstatus`. It may lead into an array: `steps%2F0`.',
      example: 'build',
    }),
);

const SecretPaths = schema(() =>
  z
    .array(
      ContextKeyPath().meta({ description: 'A JSON Pointer, with or without its first slash.', example: '/token' }),
    )
    .max(MAX_SECRET_PATHS)
    .optional()
    .meta({
      description:
        'JSON Pointers of places that are secret from now on, with all that is in them and with their history. Of a place in an array, the array is. A mark stays, and goes with the value to other contexts.',
    }),
);

export const CreateContextRequest = schema(() =>
  z
    .strictObject({
      scope: ContextScope(),
      session_id: SessionId().optional(),
      agent_id: Uuid().optional(),
      name: ContextName().optional().meta({
        description: 'Which of the owner’s contexts: `main` by default; of a temporary context, a random name.',
      }),
      data: ContextData().default({}),
      secret_paths: SecretPaths(),
    })
    .superRefine(({ scope, ...owners }, context) => {
      const expected = OWNERS[scope];
      if (expected === 'at most one') {
        if (owners.session_id === undefined || owners.agent_id === undefined) return;
        context.addIssue({ code: 'custom', path: ['agent_id'], message: 'cannot be given with a session_id' });
        return;
      }
      for (const name of ['session_id', 'agent_id'] as const) {
        if ((owners[name] !== undefined) === expected[name]) continue;
        const message = expected[name]
          ? `is required for the scope ${scope}`
          : `cannot be given for the scope ${scope}`;
        context.addIssue({ code: 'custom', path: [name], message });
      }
    })
    .meta({
      id: 'CreateContextRequest',
      description:
        'A new context. The scope `session` has a `session_id`, `agent` an `agent_id`, `global` neither, and `temporary` one of them or none.',
      example: { scope: 'session', session_id: '0198c2f0-1a2b-8c3d-9e4f-5a6b00000000', data: { build: {} } },
    }),
);
export type CreateContextRequest = Infer<typeof CreateContextRequest>;

const ExpectedVersion = schema(() =>
  z.int().min(1).optional().meta({
    description:
      'The version that the writer has seen. If the context has a newer one, the request is refused, and says what differs. Without it, the request changes the newest version.',
  }),
);

export const UpdateContextRequest = schema(() =>
  z.strictObject({ updates: ContextData(), expected_version: ExpectedVersion(), secret_paths: SecretPaths() }).meta({
    id: 'UpdateContextRequest',
    description: 'Changes, as a JSON merge patch (RFC 7396): members are set, and null removes one.',
    example: { updates: { build: { status: 'green' } }, expected_version: 1 },
  }),
);
export type UpdateContextRequest = Infer<typeof UpdateContextRequest>;

/** `application/merge-patch+json`: the body is the patch itself. */
export const ContextMergePatch = schema(() =>
  ContextData()
    .meta({
      id: 'ContextMergePatch',
      description: 'A JSON merge patch (RFC 7396): members are set, and null removes one.',
      example: { build: { status: 'green' } },
    })
    .transform((updates): UpdateContextRequest => ({ updates })),
);

const Pointer = schema(() =>
  z
    .string()
    .max(MAX_POINTER_CHARS)
    .regex(/^(\/([^~/]|~[01])*)*$/, 'must be a JSON Pointer (RFC 6901), such as /build/status')
    .meta({ description: 'A JSON Pointer (RFC 6901).' }),
);

const Operation = schema(() =>
  z.discriminatedUnion('op', [
    z
      .strictObject({ op: z.enum(['add', 'replace', 'test']), path: Pointer(), value: z.unknown() })
      .refine(({ value }) => value !== undefined, { path: ['value'], message: 'is required' }),
    z.strictObject({ op: z.literal('remove'), path: Pointer() }),
    z.strictObject({ op: z.enum(['move', 'copy']), path: Pointer(), from: Pointer() }),
  ]),
);

/** `application/json-patch+json`: the body is the list of operations. */
export const ContextJsonPatch = schema(() =>
  z
    .array(Operation())
    .min(1)
    .max(MAX_PATCH_OPERATIONS)
    .meta({
      id: 'ContextJsonPatch',
      description: 'A JSON Patch (RFC 6902): operations that are done one after the other, all or none.',
      example: [{ op: 'replace', path: '/build/status', value: 'green' }],
    })
    .transform((operations) => ({ operations })),
);
export type ContextJsonPatch = Infer<typeof ContextJsonPatch>;

export const RevertContextRequest = schema(() =>
  z.strictObject({ version: z.int().min(1), expected_version: ExpectedVersion() }).meta({
    id: 'RevertContextRequest',
    description: 'The version whose data the context gets again, as a new version.',
    example: { version: 1 },
  }),
);
export type RevertContextRequest = Infer<typeof RevertContextRequest>;

export const PutContextKeyRequest = schema(() =>
  z
    .strictObject({
      value: z.unknown(),
      expected_version: ExpectedVersion(),
      secret: z.boolean().optional().meta({ description: 'Marks the place as secret. A mark stays.' }),
    })
    .refine(({ value }) => value !== undefined, { path: ['value'], message: 'is required' })
    .meta({
      id: 'PutContextKeyRequest',
      description:
        'The value of one place. Objects on its way are made; a place in an array must exist, or be `-` for a new item. With `expected_version`, it is refused only if this place has changed since.',
      example: { value: { status: 'green' } },
    }),
);
export type PutContextKeyRequest = Infer<typeof PutContextKeyRequest>;

const Version = schema(() => z.coerce.number<number>().int().min(1));

export const ReadContextQuery = schema(() =>
  z.strictObject({
    version: Version().optional().meta({ description: 'An older version. By default, the newest one.' }),
    min_version: Version().optional().meta({
      description:
        'The newest version that the reader has seen. The answer may then be a copy that is as new, but perhaps not the newest. Without it, the answer is the newest version.',
    }),
  }),
);
export type ReadContextQuery = Infer<typeof ReadContextQuery>;

export const ContextVersionsQuery = schema(() =>
  z.strictObject({ from: Version().meta({ example: 1 }), to: Version().meta({ example: 1 }) }),
);
export const ContextHistoryQuery = PageQuery;

export const WatchContextQuery = schema(() =>
  z.strictObject({
    path: Pointer().max(MAX_WATCH_PATH_CHARS).optional().meta({
      description: 'A JSON Pointer (RFC 6901) of the place that is watched. By default, the whole context.',
    }),
    after: z.coerce.number<number>().int().min(0).optional().meta({
      description: 'The version after which the watch continues. Without it, it begins with the newest value.',
    }),
    lease: LeaseText().optional().meta({
      description: 'The lease under which an agent watches, as in the header `Oio-Lease`, which browsers cannot send.',
    }),
  }),
);
