import * as z from 'zod';
import { type Infer, schema } from '../common/schema.ts';

/**
 * What ends a run that does not end by itself. A session can set each one in its `agent_config`, and an agent has its
 * own; the lower one applies.
 */
export const Ceilings = schema(() =>
  z.object({
    /** Answered calls of a model since the session was started or retried, with those of sub-agents and attempts. */
    max_turns: z.int().min(1).max(1_000),
    /** The cost of these calls by OpenCode's prices. A model without a price costs nothing. */
    max_cost_usd: z.number().min(0.01).max(10_000),
    /** Compactions in a row, each followed by only a few calls before the conversation is too long again. */
    max_compactions: z.int().min(1).max(100),
    /** Answers in a row that have neither text nor a tool call, or that do not say why they end. */
    max_empty_answers: z.int().min(1).max(100),
    /** Failed calls in a row. */
    max_retries: z.int().min(1).max(100),
    /** The longest wait before a failed call is repeated. Providers can ask for days. */
    max_retry_wait_seconds: z.int().min(1).max(86_400),
    /** How long a model may send nothing while no tool runs. It is then asked again once. */
    max_silence_seconds: z.int().min(10).max(3_600),
  }),
);
export type Ceilings = Infer<typeof Ceilings>;
export type CeilingName = keyof Ceilings;
