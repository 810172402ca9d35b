import * as z from 'zod';
import { Count, MAX_EXIT_CODE } from '../common/bounds.ts';
import { MAX_CHECK_OUTPUT_CHARS, MAX_CHECKS } from '../common/limits.ts';
import { type Infer, schema } from '../common/schema.ts';

/** Commands that must succeed before a task is done. */

const MAX_COMMAND_CHARS = 2_000;
const DEFAULT_TIMEOUT_SECONDS = 600;
/** The code of the error of a task whose checks fail. */
export const CHECKS_FAILED = 'checks_failed';

const Command = schema(() =>
  z
    .string()
    .trim()
    .min(1)
    .max(MAX_COMMAND_CHARS)
    .refine((command) => !command.includes('\0'), 'must have no NUL character'),
);

export const Check = schema(() =>
  z
    .strictObject({
      command: Command().meta({ description: 'For the shell of the agent. It succeeds if its exit code is 0.' }),
      timeout_seconds: z.int().min(1).max(7_200).default(DEFAULT_TIMEOUT_SECONDS).meta({
        description: 'After so long, the command and all that it has started are ended, and the check has failed.',
      }),
    })
    .meta({
      id: 'Check',
      description: 'A command that must succeed before the work is done.',
      example: { command: 'npm test', timeout_seconds: 600 },
    }),
);
export type Check = Infer<typeof Check>;

/** Checks as callers give them: the command alone is enough. */
export const GivenChecks = schema(() =>
  z
    .array(
      z.union([
        Command().transform((command): Check => ({ command, timeout_seconds: DEFAULT_TIMEOUT_SECONDS })),
        // Not `Check` by its name, which describes it as it is answered.
        z.strictObject(Check().shape),
      ]),
    )
    .max(MAX_CHECKS)
    .meta({ description: 'Commands, or objects with `command` and `timeout_seconds` (600 by default).' }),
);

export const MaxCheckRounds = schema(() =>
  z
    .int()
    .min(0)
    .max(5)
    .meta({ description: 'How often the agent of a task gets failed checks back to mend its work.' }),
);

/** What a session says of the checks of its tasks. */
export const CheckMembers = schema(() =>
  z.object({ checks: GivenChecks().default([]), max_check_rounds: MaxCheckRounds().default(2) }),
);

/** `interrupted`: the agent had to stop. `not_started`: the command could not begin. */
export const CheckOutcome = schema(() =>
  z.enum(['passed', 'failed', 'timed_out', 'interrupted', 'not_started']).meta({
    id: 'CheckOutcome',
    description:
      'How a check ended. `timed_out`: it was ended at its limit. `interrupted`: the agent had to stop. `not_started`: its command could not begin.',
    example: 'passed',
  }),
);
export type CheckOutcome = Infer<typeof CheckOutcome>;

/** How a command has ended, within the bounds of an agent's frame. */
export const CheckEnd = schema(() =>
  z.object({
    outcome: CheckOutcome(),
    /** 128 + n if the signal n has ended it; null if it did not end by itself. */
    exit_code: z.int().min(0).max(MAX_EXIT_CODE).nullable(),
    ms: Count(),
    /** Both streams, as text. The middle of a long output is left out. */
    output: z.string().max(MAX_CHECK_OUTPUT_CHARS),
  }),
);
export type CheckEnd = Infer<typeof CheckEnd>;

/** A check in a result. */
export interface CheckResult extends Omit<CheckEnd, 'outcome'> {
  command: string;
  /** `not_run`: the agent has not reported it since its last prompt. */
  outcome: CheckOutcome | 'not_run';
}

/** What checks say of the agent that held a lease: whether all passed, and how often it got failed ones back. */
export interface CheckEvidence {
  passed: boolean;
  rounds: number;
}
