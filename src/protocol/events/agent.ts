import * as z from 'zod';
import { MAX_TOOL_TEXT_CHARS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { Usage } from '../session/session.ts';

export const MAX_PART_CHARS = 4_000_000;
/** A year. Providers ask for waits that no date can express. */
export const MAX_RETRY_WAIT_MS = 365 * 86_400_000;

/**
 * An increment of streamed text. `offset` is the number of UTF-16 code units of the part before this increment.
 * Therefore an increment can be applied twice, or be part of a larger one that replaces several, without changing the
 * text.
 */
const partText = schema(() =>
  z.object({
    message_id: z.string(),
    part_id: z.string(),
    offset: z.int().min(0).max(MAX_PART_CHARS),
    text: z.string(),
  }),
);

export const ToolState = schema(() => z.enum(['pending', 'running', 'completed', 'error']));
export type ToolState = Infer<typeof ToolState>;

/** The events that an agent reports about its work. The session appends them unchanged. */
export const AgentEventBody = schema(() =>
  z.discriminatedUnion('type', [
    z.object({
      type: z.literal('turn.started'),
      data: z.object({ turn: z.int(), message: z.int(), model: z.string().nullable(), agent: z.string().nullable() }),
    }),
    z.object({ type: z.literal('text.delta'), data: partText() }),
    z.object({ type: z.literal('reasoning.delta'), data: partText() }),
    /** The part is complete and has `length` UTF-16 code units. */
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
        state: ToolState(),
        title: z.string().optional(),
        input: z.record(z.string(), z.unknown()).optional(),
        output: z.string().optional(),
        error: z.string().optional(),
        truncated: z.boolean().optional(),
        /** The exit code of a finished command; null when the command was ended. */
        exit_code: z.int().nullable().optional(),
      }),
    }),
    /**
     * New output of a command that runs, as whole lines; `offset` as in streamed text. Not all of it: the `tool` event of
     * the finished command has the output.
     */
    z.object({
      type: z.literal('tool.output'),
      data: z.object({
        message_id: z.string(),
        call_id: z.string(),
        offset: z.int().min(0).max(MAX_TOOL_TEXT_CHARS),
        text: z.string().max(MAX_TOOL_TEXT_CHARS),
      }),
    }),
    z.object({ type: z.literal('file.edited'), data: z.object({ path: z.string() }) }),
    z.object({
      type: z.literal('todo'),
      data: z.object({ items: z.array(z.object({ content: z.string(), status: z.string() })) }),
    }),
    /**
     * The usage of one model turn, as an increment. `sub_agent`: the turn belonged to a sub-agent. `unpriced`: its cost
     * is not known, and `cost_usd` is 0.
     */
    z.object({
      type: z.literal('usage'),
      data: z.object({
        model: z.string().nullable(),
        sub_agent: z.boolean(),
        ...Usage().omit({ turns: true, unpriced_turns: true }).shape,
        unpriced: z.boolean().optional(),
      }),
    }),
    /** The model failed and will be retried. The session is degraded until the next progress. */
    z.object({
      type: z.literal('model.retry'),
      data: z.object({ attempt: z.int(), message: z.string(), next_in_ms: z.int().max(MAX_RETRY_WAIT_MS).nullable() }),
    }),
    z.object({
      type: z.literal('agent.note'),
      data: z.object({ level: z.enum(['info', 'warning', 'error']), text: z.string() }),
    }),
    /** The turn for the prompt `message` is done. Its text is in the deltas. */
    z.object({
      type: z.literal('turn.completed'),
      data: z.object({ turn: z.int(), message: z.int(), finish: z.string() }),
    }),
  ]),
);
export type AgentEventBody = Infer<typeof AgentEventBody>;
