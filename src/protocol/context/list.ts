import * as z from 'zod';
import { SessionId, Uuid } from '../common/ids.ts';
import { ListCursor, NextCursor, PageSize } from '../common/page.ts';
import { type Infer, schema } from '../common/schema.ts';
import { ContextScope, ContextSummary } from './context.ts';

/** Lists of contexts and their queries. */

const MAX_SEARCH_CHARS = 200;

const filters = () => ({
  session_id: SessionId().optional(),
  agent_id: Uuid().optional(),
  scope: ContextScope().optional(),
  q: z
    .string()
    .min(1)
    .max(MAX_SEARCH_CHARS)
    .optional()
    .meta({ description: 'A part of the name, or of the name of a member at any depth. Case does not matter.' }),
});

const ContextFilterSchema = schema(() => z.strictObject(filters()));
export type ContextFilter = Infer<typeof ContextFilterSchema>;

export const ListContextsQuery = schema(() =>
  z.strictObject({ ...filters(), cursor: ListCursor().optional(), page_size: PageSize().default(20) }),
);
export type ListContextsQuery = Infer<typeof ListContextsQuery>;

export const ContextList = schema(() =>
  z.object({ items: z.array(ContextSummary()), next_cursor: NextCursor() }).meta({
    id: 'ContextList',
    description: 'A page of the contexts of the workspace, the youngest first. A change appears within seconds.',
    example: { items: [], next_cursor: null },
  }),
);
export type ContextList = Infer<typeof ContextList>;
