import * as z from 'zod';
import { SessionId, Uuid } from '../common/ids.ts';
import { PageQuery } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { ContextData, ContextScope } from './context.ts';

/** The bodies and queries of requests on contexts. */

/** Which of the two ids each scope has. */
const OWNERS: Record<ContextScope, { session_id: boolean; agent_id: boolean } | 'any'> = {
  session: { session_id: true, agent_id: false },
  agent: { session_id: false, agent_id: true },
  global: { session_id: false, agent_id: false },
  temporary: 'any',
};

export const CreateContextRequest = schema(() =>
  z
    .strictObject({
      scope: ContextScope(),
      session_id: SessionId().optional(),
      agent_id: Uuid().optional(),
      data: ContextData().default({}),
    })
    .superRefine(({ scope, ...owners }, context) => {
      const expected = OWNERS[scope];
      if (expected === 'any') return;
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
      description: 'A new context. The scope `session` has a `session_id`, `agent` an `agent_id`, `global` none.',
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
  z.strictObject({ updates: ContextData(), expected_version: ExpectedVersion() }).meta({
    id: 'UpdateContextRequest',
    description: 'Changes, as a JSON merge patch (RFC 7396): members are set, and null removes one.',
    example: { updates: { build: { status: 'green' } }, expected_version: 1 },
  }),
);
export type UpdateContextRequest = Infer<typeof UpdateContextRequest>;

export const RevertContextRequest = schema(() =>
  z.strictObject({ version: z.int().min(1), expected_version: ExpectedVersion() }).meta({
    id: 'RevertContextRequest',
    description: 'The version whose data the context gets again, as a new version.',
    example: { version: 1 },
  }),
);
export type RevertContextRequest = Infer<typeof RevertContextRequest>;

const Version = schema(() => z.coerce.number<number>().int().min(1));

export const ReadContextQuery = schema(() =>
  z.strictObject({
    version: Version().optional().meta({ description: 'An older version. By default, the newest one.' }),
  }),
);

export const ContextVersionsQuery = schema(() =>
  z.strictObject({ from: Version().meta({ example: 1 }), to: Version().meta({ example: 1 }) }),
);
export const ContextHistoryQuery = PageQuery;
