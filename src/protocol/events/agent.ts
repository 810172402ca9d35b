import * as z from 'zod';
import { boundedObject, Count, ForeignId, MAX_EXIT_CODE, Name, Path } from '../common/bounds.ts';
import { BATCH_BYTES, MAX_CHECKS, MAX_TOOL_TEXT_CHARS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';
import { Check, CheckEnd } from '../session/checks.ts';
import { DeliveryReport, EXAMPLE_DELIVERY } from '../session/deliver.ts';
import { event } from './event.ts';

export const MAX_PART_CHARS = 4_000_000;
/** A year. Providers ask for waits that no date can express. */
export const MAX_RETRY_WAIT_MS = 365 * 86_400_000;
export const MAX_RETRY_CHARS = 5_000;
export const MAX_TITLE_CHARS = 500;
export const MAX_TODO_ITEMS = 200;
export const MAX_TODO_CHARS = 1_000;
/** The most that one call of a model can cost. */
export const MAX_TURN_COST_USD = 100_000;
/** A truncated input is text in JSON, in which each quote has two characters. */
const MAX_TOOL_INPUT_CHARS = 2 * MAX_TOOL_TEXT_CHARS;

/**
 * An increment of streamed text. `offset` is the number of UTF-16 code units of the part before this increment.
 * Therefore an increment can be applied twice, or be part of a larger one that replaces several, without changing the
 * text.
 */
const partText = schema(() =>
  z.object({
    message_id: ForeignId(),
    part_id: ForeignId(),
    offset: z.int().min(0).max(MAX_PART_CHARS),
    text: z.string().max(BATCH_BYTES),
  }),
);

/**
 * Which check runs. `round` counts how often the checks of the task have run; 0 are those of the session before the first
 * prompt of a task that starts from merged work. `index` is the check's place in their list.
 */
const CheckRun = schema(() =>
  z.object({
    round: Count(),
    index: z
      .int()
      .min(0)
      .max(MAX_CHECKS - 1),
    command: Check().shape.command,
  }),
);

export const ToolState = schema(() => z.enum(['pending', 'running', 'completed', 'error']));
export type ToolState = Infer<typeof ToolState>;

const PART = { message_id: 'msg_1', part_id: 'prt_1' };
const CALL = { message_id: 'msg_1', call_id: 'call_1' };

/** The events that an agent reports about its work. The session appends them unchanged. */
export const AgentEventBody = schema(() =>
  z.discriminatedUnion('type', [
    event({
      type: 'turn.started',
      description: 'The agent sends the prompt `message` to the model.',
      data: z.object({ turn: Count(), message: Count(), model: ForeignId().nullable(), agent: ForeignId().nullable() }),
      example: { turn: 1, message: 1, model: 'anthropic/claude-sonnet', agent: 'build' },
    }),
    event({
      type: 'text.delta',
      description: 'More of the model’s text.',
      data: partText(),
      example: { ...PART, offset: 0, text: 'I will add the flag.' },
    }),
    event({
      type: 'reasoning.delta',
      description: 'More of the model’s reasoning.',
      data: partText(),
      example: { ...PART, offset: 0, text: 'The command has no flag yet.' },
    }),
    event({
      type: 'part.completed',
      description: 'A part of the text is complete and has `length` UTF-16 code units.',
      data: z.object({
        message_id: ForeignId(),
        part_id: ForeignId(),
        length: z
          .int()
          .min(0)
          .max(MAX_PART_CHARS + BATCH_BYTES),
      }),
      example: { ...PART, length: 20 },
    }),
    event({
      type: 'tool',
      description: 'The state of a call of a tool. A later event of the same call replaces it.',
      data: z.object({
        message_id: ForeignId(),
        call_id: ForeignId(),
        tool: ForeignId(),
        state: ToolState(),
        title: z.string().max(MAX_TITLE_CHARS).optional(),
        input: boundedObject(MAX_TOOL_INPUT_CHARS).optional(),
        output: z.string().max(MAX_TOOL_TEXT_CHARS).optional(),
        error: z.string().max(MAX_TOOL_TEXT_CHARS).optional(),
        truncated: z.boolean().optional(),
        /** The exit code of a finished command; null when the command was ended. */
        exit_code: z.int().min(-MAX_EXIT_CODE).max(MAX_EXIT_CODE).nullable().optional(),
      }),
      example: { ...CALL, tool: 'bash', state: 'completed', title: 'npm test', output: 'ok', exit_code: 0 },
    }),
    event({
      type: 'tool.output',
      description:
        'New output of a command that runs, as whole lines. Not all of it: the `tool` event of the finished command has the output.',
      data: z.object({
        message_id: ForeignId(),
        call_id: ForeignId(),
        offset: z.int().min(0).max(MAX_TOOL_TEXT_CHARS),
        text: z.string().max(MAX_TOOL_TEXT_CHARS),
      }),
      example: { ...CALL, offset: 0, text: '1 passed\n' },
    }),
    event({
      type: 'file.edited',
      description: 'The agent changed a file.',
      data: z.object({ path: Path() }),
      example: { path: 'src/list.ts' },
    }),
    event({
      type: 'todo',
      description: 'The agent’s list of what it will do. It replaces the list before.',
      data: z.object({
        items: z.array(z.object({ content: z.string().max(MAX_TODO_CHARS), status: Name() })).max(MAX_TODO_ITEMS),
      }),
      example: { items: [{ content: 'Add the flag', status: 'in_progress' }] },
    }),
    event({
      type: 'usage',
      description:
        'The usage of one model turn, as an increment. `sub_agent`: the turn belonged to a sub-agent. `unpriced`: its cost is not known, and `cost_usd` is 0.',
      data: z.object({
        model: ForeignId().nullable(),
        sub_agent: z.boolean(),
        input_tokens: Count(),
        output_tokens: Count(),
        reasoning_tokens: Count(),
        cache_read_tokens: Count(),
        cache_write_tokens: Count(),
        cost_usd: z.number().min(0).max(MAX_TURN_COST_USD),
        unpriced: z.boolean().optional(),
      }),
      example: {
        model: 'anthropic/claude-sonnet',
        sub_agent: false,
        input_tokens: 810,
        output_tokens: 24,
        reasoning_tokens: 0,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        cost_usd: 0.0028,
      },
    }),
    event({
      type: 'model.retry',
      description: 'The model failed and will be asked again. The session is degraded until the next progress.',
      data: z.object({
        attempt: Count(),
        message: z.string().max(MAX_RETRY_CHARS),
        next_in_ms: z.int().min(0).max(MAX_RETRY_WAIT_MS).nullable(),
      }),
      example: { attempt: 1, message: 'Overloaded', next_in_ms: 2_000 },
    }),
    event({
      type: 'agent.note',
      description: 'The agent says something about its own work.',
      data: z.object({ level: z.enum(['info', 'warning', 'error']), text: z.string().max(BATCH_BYTES) }),
      example: { level: 'info', text: 'OpenCode was restarted.' },
    }),
    event({
      type: 'check.started',
      description:
        'The agent runs a check of the task, after the turn that would give the result. In round 0, it runs one of the session, before the first prompt.',
      data: CheckRun().extend({ timeout_seconds: Check().shape.timeout_seconds }),
      example: { round: 1, index: 0, command: 'npm test', timeout_seconds: 600 },
    }),
    event({
      type: 'check.ended',
      description: 'A check of the task has ended. The middle of a long output is left out.',
      data: CheckRun().extend(CheckEnd().shape),
      example: {
        round: 1,
        index: 0,
        command: 'npm test',
        outcome: 'failed',
        exit_code: 1,
        ms: 3_200,
        output: '1 of 12 tests failed: adds the flag',
      },
    }),
    event({
      type: 'delivery',
      description: 'What a task that delivers has come to. A branch in conflict was left as it is.',
      data: DeliveryReport(),
      example: EXAMPLE_DELIVERY,
    }),
    event({
      type: 'turn.completed',
      description: 'The turn for the prompt `message` is done. Its text is in the deltas.',
      data: z.object({ turn: Count(), message: Count(), finish: Name() }),
      example: { turn: 1, message: 1, finish: 'stop' },
    }),
  ]),
);
export type AgentEventBody = Infer<typeof AgentEventBody>;
