import type { ModelFailure } from '../opencode/mapping/mapping.ts';

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
