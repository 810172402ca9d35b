import * as z from 'zod';
import { Usage } from '../session/session.ts';

const MAX_PART_CHARS = 4_000_000;

/**
 * Text streams as increments: `offset` is the number of UTF-16 units of the part that came before. So applying an
 * increment twice changes nothing, nor does applying several that were joined into one.
 */
const partText = z.object({
  message_id: z.string(),
  part_id: z.string(),
  offset: z.int().min(0).max(MAX_PART_CHARS),
  text: z.string(),
});

export const ToolState = z.enum(['pending', 'running', 'completed', 'error']);
export type ToolState = z.infer<typeof ToolState>;

/** What an agent reports about its work. The session appends these as they come. */
export const AgentEventBody = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('turn.started'),
    data: z.object({ turn: z.int(), message: z.int(), model: z.string().nullable(), agent: z.string().nullable() }),
  }),
  z.object({ type: z.literal('text.delta'), data: partText }),
  z.object({ type: z.literal('reasoning.delta'), data: partText }),
  /** The part has its whole text: `length` UTF-16 units. */
  z.object({
    type: z.literal('part.completed'),
    data: z.object({ message_id: z.string(), part_id: z.string(), length: z.int() }),
  }),
  z.object({
    type: z.literal('tool'),
    data: z.object({
      message_id: z.string(),
      call_id: z.string(),
      tool: z.string(),
      state: ToolState,
      title: z.string().optional(),
      input: z.record(z.string(), z.unknown()).optional(),
      output: z.string().optional(),
      error: z.string().optional(),
      truncated: z.boolean().optional(),
    }),
  }),
  z.object({ type: z.literal('file.edited'), data: z.object({ path: z.string() }) }),
  z.object({
    type: z.literal('todo'),
    data: z.object({ items: z.array(z.object({ content: z.string(), status: z.string() })) }),
  }),
  /** What one model turn cost: an increment. `sub_agent`: the turn was of a session that the agent started. */
  z.object({
    type: z.literal('usage'),
    data: z.object({ model: z.string().nullable(), sub_agent: z.boolean(), ...Usage.omit({ turns: true }).shape }),
  }),
  /** The model failed and is asked again; the session is degraded until the next sign of progress. */
  z.object({
    type: z.literal('model.retry'),
    data: z.object({ attempt: z.int(), message: z.string(), next_in_ms: z.int().nullable() }),
  }),
  z.object({
    type: z.literal('agent.note'),
    data: z.object({ level: z.enum(['info', 'warning', 'error']), text: z.string() }),
  }),
  /** The prompt `message` is done; `text` is in the deltas. */
  z.object({
    type: z.literal('turn.completed'),
    data: z.object({ turn: z.int(), message: z.int(), finish: z.string() }),
  }),
]);
export type AgentEventBody = z.infer<typeof AgentEventBody>;
