import { truncated } from '../../src/protocol/common/text.ts';
import type { AgentFrameBody } from '../../src/protocol/run/frames.ts';
import { CHECKS_FAILED } from '../../src/protocol/session/checks.ts';
import { note } from '../note.ts';
import type { ModelFailure } from '../opencode/mapping/mapping.ts';

/** This agent cannot do the work, however often it tries; the message says why. */
export class WorkContextError extends Error {
  override name = 'WorkContextError';
}

export const TAMPERING: ModelFailure = {
  code: 'tampering',
  message: 'A request for approval was answered by someone other than the orchestrator.',
  retryable: false,
};

/** Only the worktree that stays on this machine has the work; another agent would start from an older checkpoint. */
export function checkpointFailed(error: Error): ModelFailure {
  return { code: 'checkpoint_failed', message: `The work could not be saved: ${error.message}`, retryable: true };
}

export function opencodeUnavailable(error: Error): ModelFailure {
  return { code: 'opencode_unavailable', message: error.message, retryable: true };
}

/** @param commands the checks that failed; how they ended was reported */
export function checksFailed(commands: readonly string[]): ModelFailure {
  const names = commands.map((command) => `“${truncated(command, MAX_NAMED_CHARS)}”`).join(', ');
  return { code: CHECKS_FAILED, message: `Checks failed: ${names}.`, retryable: false };
}

const MAX_NAMED_CHARS = 100;

/** The lease is released although its last checkpoint failed. */
export function workStays(agent: string, worktree: string): AgentFrameBody {
  return note(
    'error',
    `The newest work could not be saved. It is only on the agent ${agent}, in ${worktree}. Resume the session there, or another agent starts from the checkpoint before.`,
  );
}
